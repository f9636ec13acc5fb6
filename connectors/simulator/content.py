"""Invented Indonesian words: what citizens of a city complain about and what agencies answer.

Names of sub-districts are those of Kota Bengkulu; persons, streets and texts are made up. One writer speaks
for one report, from its own random source, so that a report says the same whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

PLACES: Mapping[str, tuple[str, ...]] = {
    "Gading Cempaka": ("Padang Harapan", "Jalan Gedang", "Lingkar Barat", "Cempaka Permai", "Sidomulyo"),
    "Kampung Melayu": ("Kandang", "Kandang Mas", "Padang Serai", "Sumber Jaya", "Teluk Sepang"),
    "Muara Bangka Hulu": ("Bentiring", "Kandang Limun", "Rawa Makmur", "Beringin Raya", "Pematang Gubernur"),
    "Ratu Agung": ("Kebun Tebeng", "Nusa Indah", "Sawah Lebar", "Tanah Patah", "Lempuing", "Kebun Beler"),
    "Ratu Samban": ("Anggut Atas", "Anggut Bawah", "Kebun Dahri", "Penurunan", "Padang Jati", "Pengantungan"),
    "Selebar": ("Pagar Dewa", "Betungan", "Pekan Sabtu", "Sukarami", "Bumi Ayu", "Sumur Dewa"),
    "Singaran Pati": ("Dusun Besar", "Jembatan Kecil", "Lingkar Timur", "Panorama", "Padang Nangka"),
    "Sungai Serut": (
        "Semarang",
        "Surabaya",
        "Sukamerindu",
        "Tanjung Agung",
        "Tanjung Jaya",
        "Pasar Bengkulu",
    ),
    "Teluk Segara": ("Kampung Bali", "Bajak", "Berkas", "Jitra", "Malabero", "Kebun Keling", "Pondok Besi"),
}

STREETS = ("Melati", "Kenanga", "Merpati", "Rajawali", "Mangga", "Rambutan", "Cendana", "Meranti", "Bandeng")
GIVEN = ("Rahmat", "Dewi", "Yuliana", "Hendra", "Sri", "Fitri", "Agus", "Nurul", "Bambang", "Ratna", "Eko")
FAMILY = (
    "Pratama",
    "Wulandari",
    "Saputra",
    "Anggraini",
    "Hidayat",
    "Lestari",
    "Kurnia",
    "Maharani",
    "Siregar",
)


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The texts of one kind of complaint; `{place}`, `{street}`, `{n}` are filled in."""

    titles: tuple[str, ...]
    complaints: tuple[str, ...]
    answers: tuple[str, ...]


THEMES: Mapping[str, Theme] = {
    "jalan": Theme(
        titles=("Jalan berlubang di {place}", "Aspal Jalan {street} rusak parah", "Perbaikan jalan {place}"),
        complaints=(
            "Jalan {street} di Kelurahan {place} berlubang sejak {n} minggu lalu.\nSudah ada pengendara motor "
            "yang jatuh. Mohon segera diperbaiki.",
            "Mohon perhatian, aspal di depan masjid Kelurahan {place} amblas & tergenang bila hujan.",
        ),
        answers=(
            "Terima kasih atas laporannya. Tim kami telah meninjau Jalan {street}; penambalan dijadwalkan "
            "dalam {n} hari kerja.",
            "Ruas tersebut sudah masuk daftar pemeliharaan rutin bulan ini. Mohon bersabar.",
        ),
    ),
    "drainase": Theme(
        titles=("Saluran tersumbat di {place}", "Banjir setiap hujan di Jalan {street}", "Parit meluap"),
        complaints=(
            "Parit di RT {n} Kelurahan {place} penuh sedimen dan sampah, air meluap ke rumah warga.",
            "Setiap hujan lebih dari satu jam, Jalan {street} tergenang setinggi lutut.\nMohon dibersihkan.",
        ),
        answers=(
            "Petugas telah melakukan pembersihan saluran di Kelurahan {place}.",
            "Laporan diterima. Normalisasi saluran menunggu giliran alat berat, perkiraan {n} hari kerja.",
        ),
    ),
    "lampu": Theme(
        titles=("Lampu jalan mati di {place}", "PJU Jalan {street} padam", "Penerangan jalan tidak menyala"),
        complaints=(
            "Lampu jalan di sepanjang Jalan {street} padam sudah {n} malam, warga takut melintas.",
            "Ada {n} titik lampu penerangan di Kelurahan {place} yang mati. Mohon diganti.",
        ),
        answers=(
            "Terima kasih. Regu penerangan jalan telah mengganti {n} lampu di Jalan {street}.",
            "Kami sudah mencatat titik tersebut; penggantian dikerjakan pekan ini.",
        ),
    ),
    "sampah": Theme(
        titles=("Sampah menumpuk di {place}", "TPS liar Jalan {street}", "Sampah tidak diangkut"),
        complaints=(
            "Sampah di Jalan {street} tidak diangkut {n} hari, baunya sampai ke sekolah.",
            "Warga membuang sampah di lahan kosong Kelurahan {place}. Mohon ditertibkan & diangkut.",
        ),
        answers=(
            "Armada telah mengangkut tumpukan tersebut hari ini. Jadwal angkut ditambah menjadi {n} kali sepekan.",
            "Terima kasih, petugas kebersihan wilayah {place} sudah menindaklanjuti.",
        ),
    ),
    "adminduk": Theme(
        titles=("KTP belum jadi", "Kartu keluarga lama selesai", "Antrean pelayanan kependudukan"),
        complaints=(
            "Saya mengurus berkas sejak {n} minggu lalu dan belum ada kabar. Apa syarat yang kurang?",
            "Mohon informasi, apakah perekaman bisa dilakukan di kantor kelurahan {place}?",
        ),
        answers=(
            "Berkas Saudara sudah selesai dan dapat diambil pada jam kerja di loket {n}.",
            "Blangko tersedia kembali. Silakan datang membawa berkas asli.",
        ),
    ),
    "air": Theme(
        titles=("Air PDAM tidak mengalir di {place}", "Air keruh", "Tagihan air tidak wajar"),
        complaints=(
            "Sudah {n} hari air tidak mengalir di Kelurahan {place}. Tagihan tetap jalan.",
            "Air yang keluar di Jalan {street} keruh dan berbau. Mohon penjelasan.",
        ),
        answers=(
            "Ada perbaikan pipa di sekitar {place}; aliran pulih bertahap dalam {n} jam.",
            "Petugas telah memeriksa sambungan di Jalan {street} dan mengganti meter air.",
        ),
    ),
    "listrik": Theme(
        titles=("Listrik sering padam di {place}",),
        complaints=("Listrik di Kelurahan {place} padam {n} kali dalam sepekan.",),
        answers=("Telah diteruskan kepada unit layanan pelanggan.",),
    ),
    "kesehatan": Theme(
        titles=("Antrean puskesmas {place}", "Obat kosong di puskesmas", "Pelayanan loket kesehatan"),
        complaints=(
            "Antre di puskesmas {place} sejak pagi, baru dilayani setelah {n} jam.",
            "Obat rutin ibu saya kosong sudah {n} minggu. Mohon kepastian.",
        ),
        answers=(
            "Mohon maaf atas ketidaknyamanannya. Petugas loket sudah ditambah {n} orang.",
            "Obat telah tersedia kembali sejak kemarin.",
        ),
    ),
    "sekolah": Theme(
        titles=("Pungutan di sekolah", "Penerimaan siswa baru", "Biaya seragam"),
        complaints=(
            "Sekolah anak saya di {place} meminta iuran tanpa rapat komite. Apakah dibenarkan?",
            "Mohon informasi jadwal dan zonasi penerimaan siswa baru untuk Kelurahan {place}.",
        ),
        answers=(
            "Kami sudah memanggil kepala sekolah; iuran tersebut dihentikan.",
            "Jadwal dan zonasi dapat dilihat di papan pengumuman dinas, jalur zonasi dibuka {n} hari.",
        ),
    ),
    "bansos": Theme(
        titles=("Bantuan sosial tidak tepat sasaran", "Belum terdata sebagai penerima", "Data DTKS"),
        complaints=(
            "Tetangga kami di RT {n} Kelurahan {place} lansia dan belum pernah menerima bantuan.",
            "Nama saya hilang dari daftar penerima tahun ini. Ke mana harus mengurus?",
        ),
        answers=(
            "Pendamping wilayah {place} akan melakukan verifikasi lapangan dalam {n} hari kerja.",
            "Silakan membawa kartu keluarga ke kantor kelurahan untuk usulan data baru.",
        ),
    ),
    "pasar": Theme(
        titles=("Pedagang di badan jalan", "Harga bahan pokok naik", "Kondisi pasar kotor"),
        complaints=(
            "Lapak di sekitar pasar {place} menutup jalan setiap pagi.",
            "Harga cabai naik {n} kali lipat.",
        ),
        answers=(
            "Penataan lapak dilakukan bersama pengelola pasar pekan ini.",
            "Operasi pasar sedang disiapkan.",
        ),
    ),
    "parkir": Theme(
        titles=("Parkir liar di Jalan {street}", "Juru parkir tanpa karcis"),
        complaints=(
            "Juru parkir di Jalan {street} menarik biaya tanpa karcis.",
            "Parkir dua lapis di {place}.",
        ),
        answers=(
            "Kami telah menertibkan lokasi dan membina juru parkir.",
            "Rambu larangan dipasang di {n} titik.",
        ),
    ),
    "ketertiban": Theme(
        titles=("Kebisingan malam hari", "Hewan ternak berkeliaran di {place}", "Bangunan menutup jalan"),
        complaints=(
            "Ada kafe di Jalan {street} yang bising sampai pukul {n} pagi.",
            "Sapi berkeliaran di {place}.",
        ),
        answers=(
            "Anggota kami telah memberi teguran tertulis.",
            "Patroli di {place} ditambah {n} kali sehari.",
        ),
    ),
    "perizinan": Theme(
        titles=("Izin usaha belum terbit", "Syarat izin", "Pajak reklame"),
        complaints=("Permohonan izin saya sudah {n} pekan tanpa kabar.", "Apa syarat izin usaha di {place}?"),
        answers=(
            "Izin sudah terbit dan dapat diunduh.",
            "Persyaratan kami lampirkan; proses {n} hari kerja.",
        ),
    ),
    "pungli": Theme(
        titles=("Dugaan pungutan liar",),
        complaints=("Saya dimintai uang saat mengurus surat di {place}. Mohon diperiksa.",),
        answers=("Laporan sedang kami periksa; identitas pelapor dijaga.",),
    ),
    "umum": Theme(
        titles=("Mohon perhatian untuk {place}", "Usulan warga RT {n}", "Fasilitas umum rusak"),
        complaints=(
            "Fasilitas umum di Kelurahan {place} perlu perbaikan. Sudah disampaikan {n} kali lewat RT.",
            "Usul kami: taman di Jalan {street} diberi lampu & bangku.",
        ),
        answers=(
            "Terima kasih atas usulannya, kami bahas dalam rencana kerja tahun depan.",
            "Petugas akan meninjau lokasi dalam {n} hari kerja.",
        ),
    ),
}

REPLIES = (
    "Terima kasih, tetapi sampai hari ini belum ada petugas yang datang.",
    "Sudah dikerjakan sebagian, mohon dilanjutkan.",
    "Kapan kira-kira selesai?",
    "Saya lampirkan foto terbaru, kondisinya masih sama.",
    "Baik, kami tunggu kabarnya.",
)


class Writer:
    """Speaks for one report: `theme` chooses the texts, `rng` the words."""

    def __init__(self, theme: str, rng: Random) -> None:
        self._rng = rng
        self._theme = THEMES[theme]
        self.district = rng.choice(tuple(PLACES))
        self.place = rng.choice(PLACES[self.district])
        self.street = rng.choice(STREETS)

    def _fill(self, text: str) -> str:
        return text.format(place=self.place, street=self.street, n=self._rng.randint(2, 6))

    def title(self) -> str:
        """A headline."""
        return self._fill(self._rng.choice(self._theme.titles))

    def complaint(self) -> str:
        """The body of a report, possibly of several lines."""
        return self._fill(self._rng.choice(self._theme.complaints))

    def answer(self) -> str:
        """What an agency says."""
        return self._fill(self._rng.choice(self._theme.answers))

    def reply(self) -> str:
        """What the citizen says back."""
        return self._rng.choice(REPLIES)

    def reporter(self) -> str:
        """An invented person's name."""
        return f"{self._rng.choice(GIVEN)} {self._rng.choice(FAMILY)}"

    def location(self) -> str:
        """Sub-district, district and city of the report."""
        return f"Kel. {self.place}, Kec. {self.district}, Kota Bengkulu"
