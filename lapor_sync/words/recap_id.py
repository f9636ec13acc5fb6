"""The words of a recap in Indonesian, as its sheet, its printed form and the board say them."""

from __future__ import annotations

from collections.abc import Mapping

FIGURES: Mapping[str, str] = {
    "unverified": "Belum Terverifikasi",
    "untouched": "Belum Ditindaklanjuti",
    "in_process": "Proses",
    "done": "Selesai",
    "postponed": "Tertunda",
    "archived": "Diarsipkan",
    "not_ours": "Bukan Kewenangan",
    "unclear": "Status Tidak Dikenal",
    "total": "Total",
    "followed_up_percent": "%TL",
    "days_to_first_answer": "RTL (hari)",
    "working_days_to_first_answer": "RTL (hari kerja)",
    "days_to_done": "Hari sampai Selesai",
    "in_time_percent": "Tepat Waktu %",
    "overdue_now": "Terlambat Saat Ini",
    "rating": "Penilaian",
    "rated": "Dinilai",
}
"""Each figure of a line, in the order of its columns."""

EXPLAINED: Mapping[str, str] = {
    "%TL": "persentase laporan yang sudah ditanggapi sedikitnya sekali",
    "RTL": "rata-rata waktu dari laporan diterima sampai tanggapan pertama",
    "Tepat Waktu %": "tanggapan pertama dalam batas waktu, dari yang sudah ditanggapi atau sudah lewat batasnya",
    "Terlambat Saat Ini": "laporan yang batas waktunya sudah lewat ketika rekap ini dibuat",
    "Penilaian": "rata-rata bintang dari pelapor, 1 sampai 5",
}

TABLES: Mapping[str, str] = {
    "by_month": "Menurut bulan",
    "by_classification": "Menurut klasifikasi",
    "by_category": "Sepuluh kategori terbanyak",
    "by_channel": "Menurut kanal",
    "by_district": "Menurut kecamatan",
}

NOBODY = "belum didisposisikan"
NOT_SAID = "tidak disebutkan"
ALL = "Seluruh kota"
