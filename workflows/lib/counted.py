"""A number with what it counts."""


def counted(count: int, one: str, many: str = "") -> str:
    """`1 pod`, `2 pods`. `many`: a plural that takes more than an s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
