"""Every error of the project, in one tree:

InspectorError
├── BadInput                     the caller can mend it
│   ├── EmptyBody                nothing was sent
│   ├── UnsupportedImage         not a JPEG, PNG, BMP or TIFF that we read
│   ├── BrokenImage              it starts like an image and is not a whole one
│   ├── ImageTooLarge            more bytes than the limit
│   ├── TooManyPixels            the header claims more pixels than the limit
│   ├── WrongLevels              another bit depth or range of levels than the model was trained on
│   ├── SlowBody                 the image did not come in time
│   ├── LengthMismatch           Content-Length and the body disagree
│   ├── DigestMismatch           Content-Digest and the body disagree
│   ├── InvalidParameter         a query parameter or header that breaks its rule
│   └── UnknownRecipe            no such recipe is loaded
├── KeyRequired                  no API key, or none that is valid
├── NotAllowed                   the API key is not for this
├── IdempotencyConflict          the key was used before for another image or other parameters
├── InspectionNotFound           no such id
├── DeadLetterNotFound           no dead letter of that id
├── ImageGone                    the image (or map) has left the ring of recent ones
├── NoPreview                    a browser cannot show the image, and there is no preview of it, or not yet
├── Busy                         over the byte or depth budget; says when to retry
│   └── LineBusy                 over the line's own budget: the other lines go on
├── QueueUnavailable             Redis does not answer
├── RecordsUnavailable           the database of records does not answer, or has other tables
├── StoreUnavailable             images cannot be kept or read: a full disk, S3
├── NoRecords                    this gateway was given no database of records
├── DeadlineExpired              the part's deadline passed before the model ran
├── PoisonImage                  delivered too often without a result
├── InspectionFailed             the worker could not inspect it (device, memory, a bug)
├── BundleError                  a model bundle that is not whole, not ours, or not for this engine
├── RecipeError                  a recipe file that breaks a rule
├── EngineUnavailable            the engine or device asked for is not on this machine
├── DataError                    a data set that is empty or wrong: names the file and line
├── SettingsError                a setting or an option of a command that cannot work
└── DeliveryFailed               a camera could not deliver an image

Each class says once, as class attributes, what it means and what to do; `api/problems.py` and the
command line only render that. `code` is stable: it is the tail of the problem document's `type`.
"""

from __future__ import annotations

from typing import ClassVar


class InspectorError(Exception):
    """Root of the tree. `str(error)` is the one sentence about this case."""

    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong inside the inspector"
    advice: ClassVar[str] = "Look in the log of the process that reported it; report it if it comes again."


class BadInput(InspectorError):
    code = "bad-input"
    title = "The request cannot be used"
    advice = "Mend the request; sending it again unchanged gives the same answer."


class EmptyBody(BadInput):
    code = "empty-body"
    title = "No image was sent"
    advice = "Send the image's bytes as the request body, as in: curl --data-binary @part.jpg URL."


class UnsupportedImage(BadInput):
    code = "unsupported-image"
    title = "The body is not an image format that is read here"
    advice = (
        "Send JPEG, PNG, BMP or TIFF (one page), grey or colour, 8 bits a channel; PNG and TIFF may have 16."
    )


class BrokenImage(BadInput):
    code = "broken-image"
    title = "The image is damaged or incomplete"
    advice = "Send the whole file; add a Content-Digest header so that a damaged transfer is told apart."


class ImageTooLarge(BadInput):
    code = "image-too-large"
    title = "The image has more bytes than the limit"
    advice = "Compress or crop the image, or raise the gateway's setting max_image_bytes."


class TooManyPixels(BadInput):
    code = "too-many-pixels"
    title = "The image has more pixels than the limit"
    advice = "Crop the image, or raise the setting max_image_pixels of gateway and workers."


class WrongLevels(BadInput):
    code = "wrong-levels"
    title = "The image's levels are not those that the model was trained on"
    advice = "Set the camera's pixel format (Mono8, Mono12) as for the training images, or train on such."


class SlowBody(BadInput):
    code = "slow-body"
    title = "The image did not come in time"
    advice = "Send it again; look at the network if it comes often, or raise the setting body_timeout_s."


class LengthMismatch(BadInput):
    code = "length-mismatch"
    title = "Content-Length and the body disagree"
    advice = "Send the exact number of bytes, or leave Content-Length to the HTTP client."


class DigestMismatch(BadInput):
    code = "digest-mismatch"
    title = "Content-Digest does not match the body"
    advice = "Send the image again; if it comes back, look for damage between camera and gateway."


class InvalidParameter(BadInput):
    """One query parameter or header. `name` is what a form would highlight."""

    code = "invalid-parameter"
    title = "A parameter breaks its rule"
    advice = "The parameter's rule stands in the API documentation at /docs."

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class UnknownRecipe(BadInput):
    code = "unknown-recipe"
    title = "No recipe of that id is loaded"
    advice = "Name a recipe that GET /v1/status lists, or add its file to the recipes folder."


class KeyRequired(InspectorError):
    """`sent`: whether a key came at all."""

    code = "key-required"
    title = "A valid API key is required"
    advice = "Send 'Authorization: Bearer KEY'; on the gateway's machine, `inspector keys add` makes a key."

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class NotAllowed(InspectorError):
    code = "not-allowed"
    title = "The API key is not for this"
    advice = (
        "Use a key with the role and the line that detail names; docs/api.md says which route needs which."
    )


class IdempotencyConflict(InspectorError):
    code = "idempotency-conflict"
    title = "The Idempotency-Key was used before for another request"
    advice = "Use a new key for a new part; use the same key only to repeat the very same request."


class InspectionNotFound(InspectorError):
    code = "inspection-not-found"
    title = "No inspection of that id is known"
    advice = "Use the id that the gateway gave; finished inspections are forgotten after a day."


class DeadLetterNotFound(InspectorError):
    code = "dead-letter-not-found"
    title = "No dead letter of that id is held"
    advice = "See `inspector dead-letters list`; one that was requeued, dropped or pushed out is no more."


class ImageGone(InspectorError):
    code = "image-gone"
    title = "The image or map is no longer held"
    advice = "Only the most recent images are held; raise recent_bytes to hold more."


class NoPreview(InspectorError):
    code = "no-preview"
    title = "A browser cannot show this image, and there is no preview of it, or not yet"
    advice = (
        "A kept image gets one with its record, about a second after the verdict; `image` has the original."
    )


class Busy(InspectorError):
    """Over the byte or depth budget."""

    code = "busy"
    title = "The inspection queue is full"
    advice = "Wait for the time that Retry-After says, then send the same image with the same key."

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LineBusy(Busy):
    """Over the line's own byte or depth budget."""

    code = "line-busy"
    title = "As many images of this line wait as one line may have waiting"
    advice = (
        "Send fewer a second; wait for the time that Retry-After says, then send the same with the same key."
    )


class NotInTime(Busy):
    """More comes before an image than can be done before its deadline."""

    code = "not-in-time"
    title = "The image could not be inspected before its deadline: too many come before it"
    advice = (
        "Treat the part as not inspected. One with this deadline would fit after retry_after_ms; if it comes "
        "often, send fewer a second, add workers, or lengthen deadline_ms."
    )

    def __init__(self, message: str = "", *, ahead: int = 0, retry_after_s: float = 1) -> None:
        """`ahead`: so many come before it."""
        super().__init__(message or f"{ahead} images come before it", retry_after_s=retry_after_s)
        self.ahead = ahead


class QueueUnavailable(InspectorError):
    code = "queue-unavailable"
    title = "The queue does not answer"
    advice = "Retry with the same Idempotency-Key; if it lasts, look at the Redis server."


class RecordsUnavailable(InspectorError):
    code = "records-unavailable"
    title = "The database of records does not answer"
    advice = (
        "Ask again later; verdicts do not depend on it. If it lasts, look at the database and the archiver."
    )


class StoreUnavailable(InspectorError):
    code = "store-unavailable"
    title = "The store of images does not answer"
    advice = "Try again later, a post with the same key; if it lasts, look at its disk, or at S3."


class NoRecords(InspectorError):
    code = "no-records"
    title = "This gateway was given no database of records"
    advice = "Start it with --database-url, and an archiver beside it; docs/operating.md says how."


class DeadlineExpired(InspectorError):
    code = "deadline-expired"
    title = "The deadline passed before the inspection started"
    advice = "Treat the part as not accepted; add workers or lengthen deadline_ms if it comes often."


class PoisonImage(InspectorError):
    code = "poison-image"
    title = "The image was delivered several times and never finished"
    advice = "Treat the part as not accepted; `inspector dead-letters show` has its image."


class InspectionFailed(InspectorError):
    code = "inspection-failed"
    title = "The worker could not inspect the image"
    advice = "Treat the part as not accepted and look in the worker's log for the cause."


class BundleError(InspectorError):
    code = "bundle-error"
    title = "The model bundle cannot be used"
    advice = "Export the model again, or copy the whole bundle folder again."


class RecipeError(InspectorError):
    code = "recipe-error"
    title = "A recipe cannot be used"
    advice = "Mend the named file; docs/operating.md shows a whole recipe."


class EngineUnavailable(InspectorError):
    code = "engine-unavailable"
    title = "The engine or device is not available on this machine"
    advice = "Use --engine auto --device auto, or install what the message names."


class DataError(InspectorError):
    code = "data-error"
    title = "The data set cannot be used"
    advice = "Mend the named file, or leave the named image out."


class SettingsError(InspectorError):
    code = "settings-error"
    title = "A setting cannot work"
    advice = "See --help of the command and docs/operating.md."


class DeliveryFailed(InspectorError):
    code = "delivery-failed"
    title = "Images could not be delivered"
    advice = "They are kept where the message says; run the camera again on that folder."
