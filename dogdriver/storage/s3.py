"""S3 through aiobotocore, which is heavy: this module is imported only where a bucket is set."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import (
    ConnectionError as ConnectionFailed,
)
from botocore.handlers import add_expect_header
from botocore.parsers import ResponseParserError

from dogdriver.errors import ExternalError, Refused, SettingsError, TooLarge, Unavailable
from dogdriver.model.archive import Fetched, Listing, StoredObject

CONNECT, READ, WHOLE = 3.0, 8.0, 30.0  # seconds: to connect, between two bytes, for a call with its second attempt
AT_ONCE = 16  # connections
EXPIRES = 900  # seconds that a signed address is good for, as much as clocks may differ
PAGE = 1000  # keys in one listing, the most that S3 gives
PART = 64 * 2**10  # bytes read in one go
GONE = frozenset({"NoSuchKey", "404", "NotFound"})
UNMET = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
WORDLESS = frozenset({"put_object", "delete_object"})  # what a bucket answers with headers alone
LATER = frozenset(
    {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "OperationAborted"}
)
RIGHTS = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403", "401"}
)


class S3Bucket:
    """Keys and objects of one bucket. Errors name the bucket and S3's own code, never keys or signatures."""

    def __init__(self, name: str, client: Any, *, page: int = PAGE) -> None:
        self.name = name
        self.requests = 0
        self._client = client
        self._session = client._endpoint.http_session  # noqa: SLF001 - its connections, certificates and proxies
        self._page = page

    async def list(self, prefix: str, *, after: str = "", folders: bool = False) -> Listing:
        more = {"Delimiter": "/"} if folders else {}
        if after:
            more["StartAfter"] = after
        answer = await self._call("list_objects_v2", Prefix=prefix, MaxKeys=self._page, **more)
        if "IsTruncated" not in answer:  # no ListBucketResult: XML of somebody else's has none
            raise self._no_bucket()
        return Listing(
            objects=[
                StoredObject(one["Key"], one.get("Size", 0), one.get("ETag", "").strip('"'))
                for one in answer.get("Contents", ())
            ],
            folders=[one["Prefix"] for one in answer.get("CommonPrefixes", ())],
            more=bool(answer.get("IsTruncated")),
        )

    async def get(self, key: str, *, most: int) -> Fetched | None:
        with self._explained():
            async with asyncio.timeout(WHOLE):
                if fetched := await self._get_lean(key, most):
                    return fetched
                try:
                    answer = await self._send("get_object", Key=key)
                except ClientError as error:
                    if _code(error) in GONE:
                        return None
                    raise
                async with answer["Body"] as stream:
                    if not answer.get("ETag"):
                        raise self._no_bucket()
                    return Fetched(await _read(stream.iter_chunks(PART), most), answer.get("ETag", "").strip('"'))

    async def _get_lean(self, key: str, most: int) -> Fetched | None:
        """With a signed address, for much less of the processor's time than the client's own call: imports need it.

        None, where anything but the object comes back: the client itself asks then, and knows what the answer means.
        """
        self.requests += 1
        url = await self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self.name, "Key": key}, ExpiresIn=EXPIRES
        )
        try:
            answer = await self._session.send(AWSRequest("GET", url, stream_output=True).prepare())
        except (ConnectionFailed, HTTPClientError):
            return None
        async with answer.raw as stream:
            if stream.status != HTTPStatus.OK or not answer.headers.get("etag"):
                return None
            body = await _read(stream.content.iter_chunked(PART), most)
        return Fetched(body, answer.headers.get("etag", "").strip('"'))

    async def put(self, key: str, body: bytes, *, new: bool = False, match: str | None = None) -> bool:
        condition = {"IfNoneMatch": "*"} if new else {"IfMatch": f'"{match}"'} if match else {}
        plain = {"Key": key, "Body": body, "ContentType": "application/json"}
        with self._explained():
            async with asyncio.timeout(WHOLE):
                try:
                    answer = await self._send("put_object", **plain, **condition)
                except ClientError as error:
                    if condition and _code(error) in UNMET | GONE:
                        return False
                    if not condition or _code(error) != "NotImplemented":
                        raise
                    answer = await self._send("put_object", **plain)
        self._require_etag(answer)
        return True

    async def copy(self, key: str, to: str) -> bool:
        with self._explained():
            async with asyncio.timeout(WHOLE):
                try:
                    answer = await self._send("copy_object", Key=to, CopySource={"Bucket": self.name, "Key": key})
                except ClientError as error:
                    if _code(error) in GONE:
                        return False
                    raise
        self._require_etag(answer.get("CopyObjectResult") or {})
        return True

    async def remove(self, *keys: str) -> None:
        for key in keys:
            await self._call("delete_object", Key=key)

    async def _call(self, operation: str, **parameters: Any) -> Any:
        with self._explained():
            async with asyncio.timeout(WHOLE):
                return await self._send(operation, **parameters)

    async def _send(self, operation: str, **parameters: Any) -> Any:
        self.requests += 1
        answer = await getattr(self._client, operation)(Bucket=self.name, **parameters)
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        said = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if operation in WORDLESS and said and "html" in headers.get("content-type", ""):
            raise self._no_bucket()
        return answer

    def _require_etag(self, answer: Mapping[str, Any]) -> None:
        """Nothing else says that an object is there: a proxy or a web server answers with 200 to whatever is asked."""
        if not answer.get("ETag"):
            raise self._no_bucket()

    def _no_bucket(self) -> ExternalError:
        return Unavailable(
            f"what answers for the bucket {self.name} is no bucket (a proxy, a login page?); look at "
            "AWS_ENDPOINT_URL_S3 and the proxies"
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._answered(error) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise Refused(
                f"there are no AWS credentials for the bucket {self.name}; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or give this machine a role"
            ) from None
        except (
            ConnectionFailed,
            HTTPClientError,
            ResponseParserError,
            aiohttp.ClientError,
            TimeoutError,
            OSError,
        ) as error:
            raise Unavailable(f"the bucket {self.name} cannot be reached ({type(error).__name__})") from None
        except BotoCoreError as error:
            raise Refused(
                f"the bucket {self.name} cannot be asked ({type(error).__name__}); "
                "fix DOGDRIVER_BUCKET and AWS' own variables"
            ) from None

    def _answered(self, error: ClientError) -> ExternalError:
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in LATER or status == 429 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
            return Unavailable(f"the bucket {self.name} cannot answer now ({code})")
        if code == "NoSuchBucket":
            return Refused(f"there is no bucket {self.name}; create it, or fix DOGDRIVER_BUCKET")
        remedy = "; fix AWS' credentials, or the rights that they have on it" if code in RIGHTS else ""
        return Refused(f"the bucket {self.name} refused a request ({code}){remedy}")


async def _read(parts: AsyncIterable[bytes], most: int) -> bytes:
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > most:
            raise TooLarge(f"it is larger than {most} bytes")
    return bytes(body)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


@asynccontextmanager
async def open_bucket(name: str, *, page: int = PAGE) -> AsyncIterator[S3Bucket]:
    """The bucket as AWS' own variables and files say where it is and who asks; nothing is sent yet.

    Raises SettingsError where they cannot be used.
    """
    config = AioConfig(
        connect_timeout=CONNECT,
        read_timeout=READ,
        max_pool_connections=AT_ONCE,
        signature_version="s3v4",  # else signed addresses have a signature that newer buckets do not take
        retries={"mode": "standard", "total_max_attempts": 2},
        # Servers other than AWS' own do not all know the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="dogdriver",
    )
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(get_session().create_client("s3", config=config))
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(
                f"the bucket {name} cannot be opened ({type(error).__name__}); fix AWS' own variables and files, "
                "AWS_ENDPOINT_URL_S3 (http://host:port) and AWS_PROFILE first of all"
            ) from None
        # Waiting for "100 Continue" knows no time-out, and objects this small gain nothing by asking first.
        client.meta.events.unregister("before-call.s3", add_expect_header)
        yield S3Bucket(name, client, page=page)
