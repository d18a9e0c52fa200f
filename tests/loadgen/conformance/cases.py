"""Small Molotov tests of which the command line and dogDriver must make the same."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """How the two are compared."""

    COUNTS = "counts"  # the same OK and FAILED, and the same success
    TIMED = "timed"  # time decides how many: the same of OK and FAILED are above zero
    REFUSED = "refused"  # the command line executes nothing; here it is a LoadTestError
    EXIT = "exit"  # the command line leaves with an exit code; here the run is stopped as `exit`


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    code: str
    entry: dict[str, Any] = field(default_factory=lambda: {"max_runs": 3})
    kind: Kind = Kind.COUNTS
    files: dict[str, str] = field(default_factory=dict)


HEADER = "import asyncio, os, sys\nimport aiohttp\nimport molotov\nfrom molotov import *\nURL = os.environ['URL']\n"
ONE = """
@scenario()
async def one(session):
    async with session.get(URL + '/one') as answer:
        assert answer.status == 200
"""
FAILS = "@scenario()\nasync def one(session):\n    raise ValueError('no')\n"
ALTERNATES = """
seen = []
@scenario()
async def one(session):
    seen.append(1)
    assert len(seen) % 2
"""
THIRD_FAILS = """
seen = []
@scenario()
async def one(session):
    seen.append(1)
    assert len(seen) != 3
"""
THREE = """
@scenario()
async def a(session): pass
@scenario(weight=7)
async def b(session): raise KeyError('b')
@scenario(weight=0)
async def c(session): raise ValueError
@scenario(name='other')
async def d(session): pass
"""

CASES = (
    Case("one scenario", ONE),
    Case("workers times max_runs", ONE, {"workers": 4, "max_runs": 3}),
    Case("every execution fails", FAILS, {"workers": 2, "max_runs": 3}),
    Case("every other execution fails", ALTERNATES, {"max_runs": 7}),
    Case("single_run", THREE, {"single_run": True}),
    Case("single_run of two workers", THREE, {"single_run": True, "workers": 2}),
    Case("single_run with max_runs", THREE, {"single_run": True, "max_runs": 2}),
    Case("single_mode", THREE, {"single_mode": "b", "max_runs": 4}),
    Case("single_mode by the scenario's name", THREE, {"single_mode": "other", "max_runs": 2}),
    Case("single_mode of an unknown scenario", THREE, {"single_mode": "zzz"}, Kind.REFUSED),
    Case("single_mode of a scenario of weight 0", THREE, {"single_mode": "c"}, Kind.REFUSED),
    Case("single_mode and single_run", THREE, {"single_mode": "a", "single_run": True}, Kind.REFUSED),
    Case(
        "a weight of 0",
        ONE + "@scenario(weight=0)\nasync def two(session): assert False\n",
        {"max_runs": 20},
    ),
    Case("only weights of 0", "@scenario(weight=0)\nasync def two(session): pass\n", kind=Kind.REFUSED),
    Case("no scenario", "", kind=Kind.REFUSED),
    Case("delay", ONE, {"delay": 0.1, "max_runs": 4}),
    Case("a scenario's delay", "@scenario(delay=0.2)\nasync def one(session): pass\n", {"max_runs": 3}),
    Case("ramp_up", ONE, {"workers": 3, "ramp_up": 0.6, "max_runs": 2}),
    Case("exception stops at the first failure", THIRD_FAILS, {"exception": True, "max_runs": 9}),
    Case("no exception goes on", THIRD_FAILS, {"max_runs": 9}),
    Case("fail, reached", FAILS, {"fail": 3, "max_runs": 3}),
    Case("fail, not reached", FAILS, {"fail": 4, "max_runs": 3}),
    Case("fail: 0", ONE, {"fail": 0, "max_runs": 1}),
    Case("duration", ONE, {"duration": 2, "workers": 2, "delay": 0.05}, Kind.TIMED),
    Case("duration, failing", FAILS, {"duration": 2, "delay": 0.05}, Kind.TIMED),
    Case("max_runs: 0 is no limit", ONE, {"duration": 2, "max_runs": 0, "delay": 0.05}, Kind.TIMED),
    Case(
        "setup gives session options",
        "@setup()\nasync def s(w, a): return {'headers': {'X-W': str(w)}, 'timeout': aiohttp.ClientTimeout(5)}\n"
        "@scenario()\nasync def one(session): assert session.headers['X-W'] == '0'\n",
    ),
    Case(
        "setup gives a connector", "@setup()\nasync def s(w, a): return {'connector': aiohttp.TCPConnector()}\n" + ONE
    ),
    Case("setup gives None", "@setup()\nasync def s(w, a): return None\n" + ONE),
    Case("setup gives a list", "@setup()\nasync def s(w, a): return []\n" + ONE, kind=Kind.REFUSED),
    Case("setup raises", "@setup()\nasync def s(w, a): raise OSError('db')\n" + ONE, kind=Kind.REFUSED),
    Case("setup is no coroutine", "@setup()\ndef s(w, a): pass\n" + ONE, kind=Kind.REFUSED),
    Case(
        "two setups",
        "@setup()\nasync def s(w, a): return {}\n@setup()\nasync def t(w, a): return {}\n" + ONE,
        kind=Kind.REFUSED,
    ),
    Case(
        "setup_session",
        "@setup_session()\nasync def s(w, session): session.mine = w\n"
        "@scenario()\nasync def one(session): assert session.mine in (0, 1)\n",
        {"workers": 2, "max_runs": 2},
    ),
    Case("setup_session raises", "@setup_session()\nasync def s(w, n): raise OSError('db')\n" + ONE, kind=Kind.REFUSED),
    Case("teardown raises", "@teardown()\ndef t(w): raise ValueError\n" + ONE),
    Case("teardown_session raises", "@teardown_session()\nasync def t(w, session): raise ValueError\n" + ONE),
    Case(
        "global_setup sets a variable",
        "@global_setup()\ndef g(args): set_var('status', json_request(URL + '/g')['status'])\n"
        "@scenario()\nasync def one(session): assert get_var('status') == 200\n",
    ),
    Case(
        "global_setup uses the loop",
        "@global_setup()\ndef g(args):\n"
        "    async def nap(): set_var('napped', True)\n"
        "    asyncio.get_event_loop().run_until_complete(nap())\n"
        "@scenario()\nasync def one(session): assert get_var('napped')\n",
    ),
    Case("global_setup raises", "@global_setup()\ndef g(args): raise OSError('db')\n" + ONE, kind=Kind.REFUSED),
    Case("global_teardown raises", "@global_teardown()\ndef g(): raise OSError('db')\n" + ONE),
    Case(
        "get_var with a factory",
        "@scenario()\nasync def one(session):\n"
        "    names = get_var('names', factory=list)\n    names.append(1)\n    assert len(names) < 5\n",
        {"workers": 2, "max_runs": 4},
    ),
    Case(
        "events",
        "got = []\n@events()\nasync def e(event, **info): got.append(event)\n"
        "@events()\nasync def f(event, **info): raise ValueError\n"
        "@scenario()\nasync def one(session):\n"
        "    async with session.get(URL + '/one'): pass\n"
        "    assert got.count('scenario_start') == got.count('response_received')\n"
        "    assert 'sending_request' in got\n",
    ),
    Case(
        "scenario_picker",
        "@scenario_picker()\ndef pick(worker, step): return ['a', 'b'][step % 2]\n" + THREE,
        {"workers": 2, "max_runs": 4},
    ),
    Case("scenario_picker picks what is not there", "@scenario_picker()\ndef pick(w, s): return 'zzz'\n" + THREE),
    Case(
        "scenario_picker raises",
        "@scenario_picker()\ndef pick(w, s): raise KeyError('k')\n" + THREE,
        kind=Kind.REFUSED,
    ),
    Case(
        "an extension, as a file",
        "@scenario()\nasync def one(session): assert get_var('extended')\n",
        {"use_extension": ["extension.py"], "max_runs": 2},
        files={"extension.py": "import molotov\nmolotov.set_var('extended', True)\n"},
    ),
    Case(
        "an extension, as a module, with a scenario",
        "",
        {"use_extension": ["more.extension"], "max_runs": 2},
        files={"more/__init__.py": "", "more/extension.py": HEADER + ONE},
    ),
    Case("an extension that is not there", ONE, {"use_extension": ["nowhere"]}, Kind.REFUSED),
    Case(
        "a scenario as a module",
        "",
        {"scenario": "inner.load", "max_runs": 2},
        files={"inner/__init__.py": "", "inner/load.py": HEADER + ONE},
    ),
    Case(
        "a scenario in a folder, with a helper beside it",
        "",
        {"scenario": "inner/load.py", "max_runs": 2},
        files={"inner/load.py": HEADER + "import aside\n" + ONE, "inner/aside.py": ""},
    ),
    Case("a scenario that is not there", ONE, {"scenario": "missing.py"}, Kind.REFUSED),
    Case("an import that raises", "import nowhere\n" + ONE, kind=Kind.REFUSED),
    Case("a syntax error", "def f(:\n" + ONE, kind=Kind.REFUSED),
    Case("a scenario that is no coroutine", "@scenario()\ndef one(session): pass\n", kind=Kind.REFUSED),
    Case(
        "a helper module and a relative file",
        "sys.path.append('.')\nimport aside\nwith open('data/one.txt') as file: TEXT = file.read()\n"
        "@scenario()\nasync def one(session): assert aside.TEXT == TEXT\n",
        files={"aside.py": "TEXT = 'x'\n", "data/one.txt": "x"},
    ),
    Case(
        "the context",
        "@scenario()\nasync def one(session):\n    context = get_context(session)\n"
        "    assert (context.worker_id, context.args.workers) == (0, 1)\n    assert context.step < 3\n",
    ),
    Case("a server that is not there", "@scenario()\nasync def one(s):\n    await s.get('http://127.0.0.1:1/')\n"),
    Case("a time-out", "@scenario()\nasync def one(s):\n    await asyncio.wait_for(asyncio.sleep(9), 0.05)\n"),
    Case(
        "a cancellation", "@scenario()\nasync def one(s): raise asyncio.CancelledError\n", {"workers": 2, "max_runs": 2}
    ),
    Case("verbose", ONE, {"verbose": 2, "max_runs": 2}),
    Case("debug", ONE, {"debug": True, "max_runs": 2}),
    Case("statsd", ONE, {"statsd": True, "statsd_address": "udp://127.0.0.1:9", "max_runs": 2}),
    Case("force_shutdown", ONE, {"force_shutdown": True, "max_runs": 2, "duration": 600}),
    Case("sizing", ALTERNATES, {"sizing": True, "workers": 2, "ramp_up": 0.1, "sizing_tolerance": 20, "duration": 600}),
    Case("processes", ONE, {"processes": 2, "workers": 2, "max_runs": 3}),
    Case("processes, single_run", THREE, {"processes": 2, "single_run": True}),
    Case(
        "processes share what global_setup left",
        "@global_setup()\ndef g(args): set_var('left', ['a'])\n"
        "@scenario()\nasync def one(session): get_var('left').pop()\n",
        {"processes": 2, "max_runs": 2},
    ),
    Case("sys.exit in a scenario", "@scenario()\nasync def one(session): sys.exit(3)\n", kind=Kind.EXIT),
)
