"""What a double click across two cells changes: the earlier one is superseded, the later one keeps its item."""

from dataclasses import dataclass, field

from invenio_stats.core.double_click_documents import Document, inherit
from invenio_stats.core.double_clicks import Cell, DocumentRef
from invenio_stats.processing.double_click_requests import Blocked, Found
from invenio_stats.processing.double_click_state import CellState, Postponed
from invenio_stats.search.versions import Version


@dataclass(slots=True)
class Link:
    """A document that belongs to a double click across cells, and what that changes of it."""

    ref: DocumentRef
    found: Found
    identity: str | None
    cells: list[Cell] = field(default_factory=list)
    """The cells of the batch that show the double click."""
    is_superseded: bool = False
    """Whether a click of the next cell supersedes it."""
    earlier: Document | None = None
    """The document of the previous cell, if this one supersedes it."""

    @property
    def document(self) -> Document:
        """The document as it has to be stored."""
        document = self.found.document
        # A ghost is not the click that counts; with the item it would only hold more.
        if self.earlier is not None and document.event_id:
            document = inherit(document, self.earlier)
        return document._replace(is_superseded=document.is_superseded or self.is_superseded)

    @property
    def has_inherited(self) -> bool:
        """Whether the document has, or gets, the item of the previous cell."""
        return (
            self.earlier is not None
            and self.earlier.item_source is not None
            and self.document.item_from == self.earlier.item_source
        )

    @property
    def is_due(self) -> bool:
        """Whether the document has to be written: to change it, or to renew the stamp of a change (see `_is_stored`).

        One with the item of another cell always is: whoever wrote it may have died before it looked at the next cell.
        """
        changed = self.document != self.found.document
        return changed or self.has_inherited or (self.is_superseded and self.found.is_aged)

    def as_state(self, version: Version) -> CellState:
        """Return the state of the document after it was written."""
        for_cells = {name for cell in self.cells for name in (cell.ref.document_id, *cell.made_for)}
        return CellState(Cell(self.ref, self.identity, [], made_for=for_cells), self.document, version)

    def postpone(self, postponed: Postponed, blocked: Blocked) -> None:
        """Have the cells written again: as long as the change is missing, they count twice or without an item."""
        for cell in self.cells:
            postponed.add(cell, blocked)


def link_documents(
    links: dict[str, Link], cell: Cell, earlier: tuple[DocumentRef, Found], later: tuple[DocumentRef, Found]
) -> None:
    """Note that the click of one document is a double click of that of the other, as a cell of the batch shows."""
    superseded, superseding = (
        links.setdefault(ref.document_id, Link(ref, found, cell.identity)) for ref, found in (earlier, later)
    )
    superseded.is_superseded, superseding.earlier = True, earlier[1].document
    superseded.cells.append(cell)
    superseding.cells.append(cell)
