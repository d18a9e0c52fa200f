"""`dogdriver` and `python -m dogdriver`: parse the command line, and do what it says."""

import os
import sys

from dogdriver.cli.arguments import make_parser
from dogdriver.cli.commands import COMMANDS
from dogdriver.errors import DogdriverError
from dogdriver.logs import Masker
from dogdriver.network import certificates
from dogdriver.server import raise_descriptor_limit


def main() -> None:
    """Exit codes: 0 fine, 2 the settings or the arguments are wrong, 1 anything else; `run` has its own."""
    arguments = make_parser().parse_args()
    os.umask(0o077)  # whatever is written holds what is nobody else's business
    raise_descriptor_limit()
    try:
        os.environ.update(certificates(os.environ))  # noqa: TID251 - what a load, S3's client and e-mail read
        sys.exit(COMMANDS[arguments.command](arguments, os.environ))  # noqa: TID251 - read here and nowhere else
    except DogdriverError as error:
        print(f"dogdriver: {Masker()(error.message)}", file=sys.stderr)  # noqa: T201 - a command's answer
        sys.exit(arguments.wrong)
    except BrokenPipeError:  # `dogdriver export | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
