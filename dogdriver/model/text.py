"""Text of somebody else's, cut to a length so that everybody can see that it was."""

ELLIPSIS = "…"


def shortened(text: str, most: int) -> str:
    """*text* in at most *most* characters; the last one is an ellipsis where it was longer.

    A mask takes what stands before an ellipsis for what it may be: the beginning of a secret. So foreign text is cut
    here, and nowhere by hand.
    """
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS
