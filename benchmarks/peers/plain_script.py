"""A plain script, as one would write it first: httpx, ORM `merge` a row, a commit a page.

`plain_script.py URL PAGE_SIZE DATABASE_URL`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import httpx
from sqlalchemy import JSON, ForeignKey, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """The tables."""

    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own form


class Report(Base):
    """A report, with the fields that one looks at, and the whole row."""

    __tablename__ = "report"
    id: Mapped[int] = mapped_column(primary_key=True)
    tracking_id: Mapped[str]
    title: Mapped[str]
    content: Mapped[str]
    status_name: Mapped[str]
    disposition_id: Mapped[int | None]
    classification_name: Mapped[str | None]
    category_name: Mapped[str | None]
    channel: Mapped[str | None]
    location_name: Mapped[str | None]
    reporter_name: Mapped[str | None]
    created_at: Mapped[str]
    updated_at: Mapped[str]
    raw: Mapped[dict[str, Any]]


class Followup(Base):
    """An item of a thread."""

    __tablename__ = "followup"
    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    created_at: Mapped[str]
    content: Mapped[str | None]
    template_code: Mapped[str | None]
    institution_from_name: Mapped[str | None]
    institution_to_name: Mapped[str | None]


_REPORT = [name for name in Report.__table__.columns.keys() if name != "raw"]  # noqa: SIM118 - a collection of columns
_FOLLOWUP = [name for name in Followup.__table__.columns.keys() if name != "report_id"]  # noqa: SIM118


def main(url: str, page_size: int, database: str) -> dict[str, int]:
    """Mirror everything; how many rows there are then."""
    engine = create_engine(database)
    Base.metadata.create_all(engine)
    with httpx.Client(base_url=url) as client, Session(engine) as session:
        page, more = 1, True
        while more:
            answer = client.get("/complaints", params={"page": page, "page_size": page_size})
            found = answer.raise_for_status().json()["results"]
            for row in found["data"]:
                session.merge(Report(raw=row, **{name: row.get(name) for name in _REPORT}))
                thread = client.get(f"/complaints/{row['id']}/followups", params={"page": 1})
                for item in thread.raise_for_status().json()["results"]["data"]:
                    session.merge(Followup(report_id=row["id"], **{name: item.get(name) for name in _FOLLOWUP}))
            session.commit()
            page, more = page + 1, found["next_page_url"] is not None
        reports = session.scalar(select(func.count()).select_from(Report)) or 0
        items = session.scalar(select(func.count()).select_from(Followup)) or 0
    return {"reports": reports, "items": items}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
