"""What an item says of itself: that it is shown to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sp4n_v3.unshown import says_unshown


@pytest.mark.parametrize(
    "row",
    [
        {"deleted_at": "2026-03-02 10:00:00"},
        {"isDeleted": 1},
        {"is_hidden": "1"},
        {"disembunyikan": True},
        {"rejected_by": {"id": 4}},
        {"is_published": 0},
        {"published": "false"},
        {"published_at": None},
        {"is_not_published": 1},
        {"visible": ""},
        {"ditampilkan": "tidak"},
        {"status": "Ditolak"},
        {"state": "draft"},
        {"visibility": "hidden"},
        {"moderation_status": "menunggu moderasi"},
        {"moderation": {"state": "pending"}},
        {"publication": "not published"},
        {"is_publish": 0},
        {"publish_status": "draft"},
        {"is_delete": 1},
        {"aktif": "n"},
        {"status": {"id": 3, "name": "Ditolak"}},
        {"isdeleted": 1},
        {"ishidden": "Y"},
        {"deletedat": "2026-03-02"},
        {"publishedat": None},
        {"is_public": 0},
        {"ispublic": False},
        {"is_private": 1},
        {"visibility": "private"},
        {"data": '{"status_new": "Selesai", "is_deleted": 1}'},
        {"meta": {"isHidden": True}},
        {"meta": {"moderation": {"state": "draft"}}},
        {"attributes": {"status": "pending"}},
        {"flags": ["urgent", "hidden"]},
        {"status": "Belum disetujui"},
        {"status": "not approved"},
        {"moderation_result": "rejected"},
        {"status_publikasi": "belum"},
        {"rejection_reason": "SARA"},
    ],
)
def test_it_says_so(row: dict[str, Any]) -> None:
    assert says_unshown({"id": 1, "content": "Sudah.", **row})


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"deleted_at": None},
        {"is_deleted": False, "deleted": "0", "error": None, "hidden": []},
        {"is_published": 1, "published_at": "2026-03-02", "visible": "ya", "approved": True},
        {"published_by": None, "is_not_published": 0},
        {"status": "Selesai"},
        {"status": "x" * 99 + " deleted"},
        {"status": 3, "state": None},
        {"status_name": "Ditolak", "data": {"status_new": "Ditolak"}},
        {"content": "Jawaban ini ditolak dan dihapus."},
        {"institution": {"status": "deleted"}},
        {"publication": "published"},
        {"deleted_at": "0000-00-00 00:00:00", "deleted_by": "-", "is_deleted": "f"},
        {"rejected_at": "0001-01-01T00:00:00Z", "error": "OK"},
        {"can_delete": True, "bisa_dihapus": 1, "hapus_url": "https://lapor.example/9", "rejected_count": 2},
        {"status": {"id": 3, "name": "Selesai"}},
        {"is_publish": 1, "publish_status": "published", "is_active": True},
        {"is_public": 1, "public_name": "", "public_at": None, "internal_id": 5, "private_note": "x"},
        {
            "data": '{"status_old": {"name": "Ditolak"}, "status_new": "Ditolak"}',
            "status_new": {"name": "Ditolak"},
        },
        {"data": "hidden", "meta": None, "attributes": [1], "extra": "", "flags": []},
        {"status": {"": "Ditolak"}},
    ],
)
def test_it_does_not_say_so(row: dict[str, Any]) -> None:
    assert not says_unshown(row)
