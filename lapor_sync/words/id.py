"""Indonesian, as officers read it on the board and in digests: formal and short; it names pages, never commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from lapor_sync.domain import happenings
from lapor_sync.domain.citizen_files import Absence
from lapor_sync.domain.codes import Facts
from lapor_sync.domain.colour import Colour, Flag, WaitingOn
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.happenings import Happening
from lapor_sync.domain.limits import ClockKind
from lapor_sync.domain.people import FactorKind, Role
from lapor_sync.domain.people import State as Account
from lapor_sync.domain.permits import Act
from lapor_sync.domain.questions import CHANGED, MANY_VANISHED, MISSING, OPEN, SAID, TOLD, UNSURE, Unsure
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import ItemKind
from lapor_sync.domain.seen import News
from lapor_sync.words import Told, by_reason, listed, told_by


def told(refused: Refused) -> tuple[str, str]:
    """Return what happened, and what to do."""
    return told_by(REFUSALS, refused)


ROLES: Mapping[Role, str] = {
    Role.OFFICER: "pejabat penghubung",
    Role.ADMIN: "admin induk",
    Role.LEADER: "pimpinan",
    Role.INSPECTOR: "Inspektorat",
}

ACCOUNTS: Mapping[Account, str] = {
    Account.INVITED: "diundang, belum menerima undangan",
    Account.ACTIVE: "aktif",
    Account.NO_POST: "tanpa jabatan",
    Account.ENDED: "sudah berhenti",
}

FACTORS: Mapping[FactorKind, str] = {
    FactorKind.TOTP: "aplikasi kode",
    FactorKind.PASSKEY: "kunci sandi",
}

ACTS: Mapping[Act, str] = {
    Act.SEE: "melihat laporan",
    Act.SEE_SECRET: "membaca isi laporan rahasia",
    Act.SEE_REPORTER: "melihat nama pelapor",
    Act.ANSWER: "menjawab laporan",
    Act.MOVE_DELIVERY: "menahan, membatalkan, atau melepas kiriman",
    Act.HAND_OVER: "menyatakan laporan bukan kewenangan",
    Act.NOTE: "menulis catatan internal",
    Act.INSTRUCT: "memberi arahan",
    Act.SETTLE: "memutuskan perbedaan dengan LAPOR",
    Act.PAUSE: "menghentikan atau melanjutkan pengiriman",
    Act.SEE_SYSTEM: "melihat keadaan sistem",
    Act.SEE_FIGURES: "melihat rekap",
    Act.FIX_RECAP: "menetapkan rekap",
    Act.SEE_AUDIT: "melihat riwayat",
    Act.MANAGE_PEOPLE: "mengelola akun dan jabatan",
    Act.WITHHOLD: "membatasi atau menghapus data pelapor",
}

STATES: Mapping[State, str] = {
    State.QUEUED: "menunggu",
    State.SENDING: "sedang dikirim",
    State.UNKNOWN: "sedang diperiksa",
    State.SENT: "sampai",
    State.HELD: "ditahan",
    State.REFUSED: "ditolak LAPOR",
    State.CANCELLED: "dibatalkan",
}


NEWS: Mapping[News, str] = {
    News.REPORTER_WROTE: "pelapor menulis lagi",
    News.ANSWERED: "ada jawaban baru di LAPOR",
    News.DISPOSED: "disposisinya berubah",
    News.STATUS_CHANGED: "statusnya berubah",
    News.WRITTEN_HERE: "ada kiriman lain yang ditulis untuk laporan ini",
    News.THREAD_CHANGED: "percakapannya berubah",
}


def _status(facts: Facts) -> str:
    name = facts["status_name"]
    said = f"status yang tidak dikenal (“{name[:60]}”)" if name else "tanpa status"
    return f"Laporan {facts['tracking_id']} {said}; mungkin sudah ditutup."


def _opds(facts: Facts) -> str:
    names: Mapping[str, str] = facts["names"]
    which = ", ".join(f"{name} ({one})" for one, name in list(names.items())[:10])
    more = f", dan {len(names) - 10} lainnya" if len(names) > 10 else ""
    return f"“{facts['given']}” dapat berarti {which}{more}."


def _rows_wrong(facts: Facts) -> str:
    problems = facts["problems"]
    reasons, rest = by_reason(problems, lambda one: told(one)[0])
    said = [f"baris {listed(numbers)}: {reason}" for numbers, reason in reasons]
    said += [f"dan baris {listed(rest)}, karena sebab lain"] if rest else []
    wrong = len({number for number, _ in problems})
    return f"{wrong} dari {facts['count']} baris tidak dapat diterima, jadi tidak satu pun diambil: {'; '.join(said)}."


def _size(facts: Facts) -> str:
    most = f"{facts['most'] / 2**20:.1f}".replace(".", ",").replace(",0", "")
    return f"Berkas {facts['file_name']} terlalu besar; LAPOR menerima paling besar {most} MB."


def _delivery(facts: Facts) -> str:
    return f"Kiriman {facts['ref']} {STATES[facts['state']]} dan tidak dapat diubah."


REFUSALS: Mapping[Code, Told] = {
    Code.NOT_THE_POSTS: Told(
        lambda facts: f"Jabatan {ROLES[facts['role']]} tidak berwenang {ACTS[facts['act']]}.",
        "Hubungi admin induk bila hal ini perlu dilakukan.",
    ),
    Code.OTHER_OPD: Told(
        "Laporan {tracking_id} tidak didisposisikan ke OPD Anda.", "Hubungi admin induk bila disposisinya keliru."
    ),
    Code.NO_POST: Told(
        "Akun ini sedang tidak memegang jabatan untuk ini.",
        "Hubungi admin induk bila Anda seharusnya memegang jabatan.",
    ),
    Code.REPORT_UNKNOWN: Told(
        "Laporan {given} tidak ditemukan.",
        "Periksa nomornya. Laporan baru muncul beberapa menit setelah masuk LAPOR; "
        "yang dipindahkan ke OPD lain tidak tampil lagi.",
    ),
    Code.PERIOD_UNKNOWN: Told(
        "“{given}” bukan periode yang dikenal.",
        "Tuliskan misalnya 2026, 2026-10, 2026-Q3, 2026-C2, 2026-H1, atau 2026-01-01..2026-03-31.",
    ),
    Code.OPD_UNKNOWN: Told("OPD “{given}” tidak dikenal.", "Pilih OPD dari daftar."),
    Code.OPD_MEANT_TWICE: Told(_opds, "Tuliskan nama yang lebih lengkap atau nomornya."),
    Code.INSTITUTION_UNKNOWN: Told("Instansi “{given}” tidak dikenal.", "Pilih instansi dari daftar."),
    Code.INSTITUTION_MEANT_TWICE: Told(
        "Ada lebih dari satu instansi bernama “{given}”.", "Pilih instansi dari daftar."
    ),
    Code.INSTITUTION_NOT_LISTED: Told(
        "Instansi {given} tidak ada di daftar LAPOR.", "Pilih instansi dari daftar."
    ),
    Code.DELIVERY_UNKNOWN: Told("Kiriman {given} tidak ditemukan.", "Lihat halaman Kiriman."),
    Code.CONFLICT_UNKNOWN: Told("Pertanyaan {given} tidak ada atau sudah diputuskan.", "Lihat halaman Keputusan."),
    Code.REPORT_CLOSED: Told(
        "Laporan {tracking_id} sudah ditutup ({status_name}).",
        "Laporan tertutup tidak dapat dijawab. Bila dibuka lagi di LAPOR, halaman ini akan mengikutinya.",
    ),
    Code.REPORT_VANISHED: Told(
        "Laporan {tracking_id} tidak ditemukan lagi di LAPOR.", "Hubungi admin induk; jawaban belum dapat dikirim."
    ),
    Code.STATUS_UNKNOWN: Told(
        _status, "Periksa laporan ini di LAPOR. Bila memang perlu dijawab, tandai bahwa status ini tetap dijawab."
    ),
    Code.NOT_DISPOSED: Told(
        "Laporan {tracking_id} belum didisposisikan ke OPD.",
        "Disposisikan dahulu di LAPOR, atau pilih OPD penjawab.",
    ),
    Code.WITH_OTHER_OPD: Told(
        "Laporan {tracking_id} ada pada {name}, bukan pada {given}.",
        "Biarkan OPD tersebut menjawab, atau ubah disposisinya di LAPOR.",
    ),
    Code.NOT_OF_THE_CITY: Told("{given} bukan instansi kota ini.", "Pilih OPD dari daftar."),
    Code.CHANGED_SINCE: Told(
        lambda facts: (
            f"Sejak halaman ini dibuka: {'; '.join(NEWS[one] for one in facts['news'])}. Belum ada yang dikirim."
        ),
        "Baca dahulu yang baru. Bila jawaban Anda masih tepat, kirim sekali lagi.",
    ),
    Code.DRAFT_CHANGED: Told(
        "Draf laporan ini diubah di jendela lain. Tulisan di sini belum disimpan.",
        "Bandingkan keduanya di bawah. Bila tulisan di sini yang berlaku, centang Ganti draf itu, lalu simpan lagi.",
    ),
    Code.SAME_WORDS: Told(
        lambda facts: (
            f"Jawaban yang sama sudah ditulis untuk laporan {facts['tracking_id']} "
            f"({facts['ref']}, {STATES[facts['state']]})."
        ),
        "Bila pelapor memang perlu menerimanya sekali lagi, tandai “kirim lagi”.",
    ),
    Code.TEXT_EMPTY: Told("Jawaban masih kosong.", "Tuliskan apa yang akan dibaca pelapor."),
    Code.TEXT_UNSENDABLE: Told(
        lambda facts: f"Jawaban memuat karakter yang tidak dapat dikirim ({', '.join(facts['characters'][:5])}).",
        "Ketik ulang kata-kata di tempat itu, lalu coba lagi. Nomor telepon hasil salin-tempel sering membawa "
        "tanda arah tulisan yang tidak terlihat.",
    ),
    Code.TEXT_HIDES: Told(
        "Tulisan mulai “{found}” mungkin tidak terlihat oleh pelapor, karena dapat dibaca sebagai kode HTML.",
        "Hapus kode itu; bila yang dimaksud tanda <, beri spasi sesudahnya.",
    ),
    Code.TEXT_HAS_REFERENCE: Told(
        "Jawaban memuat nomor rujukan kiriman lain.",
        "Hapus baris [Ref ...]; nomor yang baru ditambahkan otomatis.",
    ),
    Code.TEXT_TOO_LONG: Told(
        "Jawaban beserta nomor rujukannya {length} karakter; LAPOR menerima {most}.",
        lambda facts: f"Kurangi {facts['length'] - facts['most']} karakter.",
    ),
    Code.TOO_MANY_FILES: Told("Ada {count} berkas; LAPOR menerima paling banyak {most}.", "Kurangi lampirannya."),
    Code.FILE_OF_OTHER_TYPE: Told(
        lambda facts: (
            f"Berkas {facts['file_name']} tidak dapat dikirim; LAPOR menerima {', '.join(facts['types'])}."
        ),
        "Ubah dahulu jenis berkasnya.",
    ),
    Code.FILE_EMPTY: Told("Berkas {file_name} kosong.", "Lampirkan berkas yang benar."),
    Code.FILE_NOT_AS_NAMED: Told(
        "Isi berkas {file_name} bukan seperti namanya; pelapor tidak akan dapat membukanya.",
        "Simpan ulang sebagai jpg atau pdf dengan aplikasinya, jangan hanya mengganti namanya.",
    ),
    Code.FILE_TOO_LARGE: Told(_size, "Perkecil berkasnya."),
    Code.NOTE_EMPTY: Told("Catatan masih kosong.", "Tuliskan apa yang perlu diketahui rekan Anda."),
    Code.WORDS_TOO_LONG: Told(
        "Tulisan ini {length} karakter; yang dapat disimpan paling banyak {most}.",
        lambda facts: f"Kurangi {facts['length'] - facts['most']} karakter.",
    ),
    Code.ROWS_WRONG: Told(_rows_wrong, "Perbaiki baris-baris itu, lalu kirim ulang seluruh berkas."),
    Code.WITH_IT_ALREADY: Told("Laporan {tracking_id} sudah ada pada {given}.", "Tidak ada yang perlu dilakukan."),
    Code.HANDOVER_UNDER_WAY: Told(
        "Pelimpahan laporan {tracking_id} sedang berjalan.", "Tunggu hasilnya di halaman laporan."
    ),
    Code.DELIVERY_ON_ITS_WAY: Told(
        _delivery, "Kiriman ini mungkin sudah sampai di LAPOR dan sedang diperiksa; tunggu hasilnya."
    ),
    Code.DELIVERY_OVER: Told(_delivery, "Kiriman ini sudah selesai; tulis jawaban baru bila diperlukan."),
    Code.RESTORED_JUST_NOW: Told(
        "Kiriman terakhir sebelum pemulihan mungkin belum terbaca di LAPOR.", "Coba lagi dalam {seconds} detik."
    ),
    Code.SETTLED_BY_CHOICE: Told(
        "Pertanyaan {id} perlu pilihan lain.", "Pilih jawaban kita dikirim, atau yang ada di LAPOR yang berlaku."
    ),
    Code.SETTLED_BY_ACCEPTING: Told(
        "Pertanyaan {id} menyangkut laporan yang hilang.", "Pilih “laporan-laporan itu memang sudah tidak ada”."
    ),
    Code.SIGN_IN_WRONG: Told(
        "Nama masuk atau kata sandi tidak cocok.", "Coba lagi, atau minta tautan baru kepada admin induk."
    ),
    Code.SLOW_DOWN: Told("Terlalu banyak percobaan.", "Coba lagi dalam {seconds} detik."),
    Code.SIGN_IN_BUSY: Told("Terlalu banyak yang masuk bersamaan saat ini.", "Coba lagi dalam {seconds} detik."),
    Code.CODE_WRONG: Told(
        "Kode tidak cocok atau sudah dipakai.", "Tunggu kode berikutnya, atau gunakan kode pemulihan."
    ),
    Code.HALF_OVER: Told("Waktu untuk masuk sudah habis.", "Masuk lagi dengan kata sandi."),
    Code.PASSKEY_WRONG: Told("Kunci sandi tidak diterima.", "Coba lagi, atau gunakan kode."),
    Code.PROVE_AGAIN: Told(
        "Buktikan dahulu bahwa ini Anda.", "Ketik sekali lagi kata sandi Anda, lalu ulangi yang tadi."
    ),
    Code.FACTOR_UNKNOWN: Told("Langkah kedua itu sudah tidak ada.", "Tidak ada yang perlu dilakukan."),
    Code.FACTOR_NEEDED: Told(
        "Jabatan Anda memerlukan langkah kedua.", "Siapkan dahulu yang lain sebelum menghapus yang ini."
    ),
    Code.SIGN_ON_FAILED: Told(
        "Masuk lewat akun kota tidak berhasil.", "Coba lagi, atau masuk dengan kata sandi papan ini."
    ),
    Code.SIGN_ON_UNKNOWN: Told(
        "Akun kota itu belum terdaftar di papan ini.", "Mintalah undangan kepada admin induk."
    ),
    Code.SIGN_ON_TAKEN: Told(
        "Akun kota itu sudah terhubung dengan orang lain di papan ini.", "Hubungi admin induk."
    ),
    Code.SIGN_ON_AWAY: Told(
        "Halaman masuk kota sedang tidak dapat dihubungi.",
        "Masuk dengan kata sandi papan ini, atau coba lagi beberapa menit lagi.",
    ),
    Code.LINK_OVER: Told(
        "Tautan ini sudah dipakai atau sudah lewat waktunya.",
        "Minta tautan baru: lewat halaman masuk bila surel Anda sudah dipastikan, atau kepada admin induk.",
    ),
    Code.PASSWORD_TOO_SHORT: Told("Kata sandi terlalu pendek.", "Gunakan paling sedikit {least} karakter."),
    Code.PASSWORD_TOO_LONG: Told("Kata sandi terlalu panjang.", "Gunakan paling banyak {most} karakter."),
    Code.PASSWORD_COMMON: Told(
        "Kata sandi ini terlalu umum dan mudah ditebak.",
        "Gunakan beberapa kata yang tidak berkaitan, misalnya empat kata pilihan Anda sendiri.",
    ),
    Code.PASSWORD_HAS_SIGN_IN: Told("Kata sandi memuat nama masuk Anda.", "Gunakan kata sandi lain."),
    Code.NAME_UNUSABLE: Told("Nama ini tidak dapat dipakai.", "Tuliskan nama dengan 1 sampai {most} karakter."),
    Code.SIGN_IN_UNUSABLE: Told(
        "Nama masuk ini tidak dapat dipakai.",
        "Gunakan alamat surel atau NIP: 3 sampai {most} karakter tanpa spasi.",
    ),
    Code.SIGN_IN_TAKEN: Told(
        "Nama masuk {sign_in} sudah dipakai orang lain.",
        "Periksa di halaman Orang; gunakan nama masuk lain, atau nama orang persis seperti tertulis di sana.",
    ),
    Code.PERSON_UNKNOWN: Told(
        "Tidak ada akun dengan nama masuk “{given}”.",
        "Periksa di halaman Orang. Bila belum punya akun: isi juga namanya, atau undang orangnya.",
    ),
    Code.SESSION_UNKNOWN: Told("Sesi itu sudah berakhir.", "Tidak ada yang perlu dilakukan."),
    Code.POST_NOT_CHOSEN: Told("Jabatannya belum dipilih.", "Pilih jabatan dari daftar."),
    Code.POST_UNKNOWN: Told(
        lambda facts: f"Belum ada jabatan {ROLES[facts['role']]} seperti itu.", "Periksa di halaman Orang."
    ),
    Code.POST_NEEDS_OPD: Told(
        lambda facts: f"Jabatan {ROLES[facts['role']]} selalu pada satu OPD.", "Pilih OPD-nya."
    ),
    Code.POST_TAKES_NO_OPD: Told(
        lambda facts: f"Jabatan {ROLES[facts['role']]} berlaku untuk seluruh kota.", "Kosongkan pilihan OPD."
    ),
    Code.POST_HELD_ALREADY: Told(
        "{sign_in} sudah memegang jabatan ini.", "Bila perlu tautan baru, buat di halaman Orang."
    ),
    Code.POST_NOT_HELD: Told(
        "{sign_in} tidak memegang jabatan ini pada hari itu.", "Periksa pemegangnya di halaman Orang."
    ),
    Code.SAME_PERSON: Told("Jabatan tidak dapat diserahkan kepada diri sendiri.", "Pilih penggantinya."),
    Code.DAY_UNREADABLE: Told("“{given}” bukan tanggal.", "Pilih tanggalnya, misalnya 2026-12-31."),
    Code.DAY_IS_OVER: Told("Tanggal {day} sudah lewat.", "Pilih hari ini atau hari yang akan datang."),
    Code.SPAN_ENDS_FIRST: Told("Masa jabatan berakhir sebelum dimulai.", "Tukar kedua tanggalnya."),
    Code.NOT_ENDED: Told(
        "Masa tugas {sign_in} belum diakhiri.", "Akhiri dahulu semua masa jabatannya di halaman Orang."
    ),
    Code.NOT_OVER: Told(
        "Laporan {tracking_id} belum selesai, atau kirimannya belum semua selesai.",
        "Batasi dahulu datanya; hapus setelah laporannya ditutup.",
    ),
    Code.NOT_HELD_BACK: Told(
        "Data laporan {tracking_id} tidak sedang dibatasi.", "Tidak ada yang perlu dilakukan."
    ),
    Code.ADDRESS_UNUSABLE: Told("Alamat itu tidak dapat dipakai.", "Perbaiki alamatnya."),
    Code.TITLE_UNUSABLE: Told(
        "Nama ini tidak dapat dipakai.", "Tuliskan 1 sampai {most} karakter dalam satu baris."
    ),
    Code.TOO_MANY_KEPT: Told("Sudah ada {most} yang tersimpan.", "Hapus salah satu dahulu."),
    Code.TEMPLATE_UNKNOWN: Told("Templat itu sudah tidak ada.", "Pilih yang lain; jawaban Anda tetap ada."),
    Code.TOO_MANY_CHANNELS: Told("Sudah ada {most} alamat.", "Hapus salah satu dahulu."),
    Code.CODE_NOT_SENT: Told("Kode tidak dapat dikirim.", "Periksa alamatnya, lalu coba lagi nanti."),
    Code.CHANNEL_CODE_WRONG: Told(
        "Kode tidak cocok atau sudah lewat satu jam.", "Mintalah kode baru ke alamat yang sama."
    ),
    Code.CHANNEL_UNKNOWN: Told("Alamat itu sudah tidak ada.", "Tidak ada yang perlu dilakukan."),
    Code.LAST_ADMIN: Told(
        "Tidak akan ada lagi yang dapat mengelola akun dan jabatan.",
        "Undang dahulu admin induk lain, dan tunggu sampai ia menerima undangannya.",
    ),
}


DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
MONTHS = (
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
)


def long_day(day: date) -> str:
    """Return a day as officers write it: 31 Oktober 2026."""
    return f"{day.day} {month_name(day)}"


def month_name(day: date) -> str:
    """Return the month of a day: Oktober 2026."""
    return f"{MONTHS[day.month - 1]} {day.year}"


def month_of(month: str) -> str:
    """Return a month of a recap as it is written: 2026-10 is Oktober 2026."""
    return month_name(date.fromisoformat(f"{month}-01"))


# What stands beside a report.

COLOURS: Mapping[Colour | None, str] = {
    Colour.MERAH: "merah",
    Colour.KUNING: "kuning",
    Colour.HIJAU: "hijau",
    Colour.ABU: "abu",
    None: "belum diketahui",
}

COLOUR_MEANS: Mapping[Colour | None, str] = {
    Colour.MERAH: "belum ditindaklanjuti",
    Colour.KUNING: "sudah dijawab, percakapan masih terbuka",
    Colour.HIJAU: "selesai atau ditutup",
    Colour.ABU: "di luar hitungan kota",
    None: "warnanya belum dapat ditentukan",
}

WAITING: Mapping[WaitingOn | None, str] = {
    WaitingOn.VERIFIER: "petugas verifikasi LAPOR",
    WaitingOn.ADMIN: "admin kota",
    WaitingOn.OPD: "OPD",
    WaitingOn.REPORTER: "pelapor",
    None: "tidak menunggu siapa pun",
}

ROWS: Mapping[str, str] = {
    "unread": "Percakapannya belum dapat dibaca, dan tanpa itu warnanya tidak dapat ditentukan.",
    "-": "Nama statusnya tidak dikenal, jadi warna terakhir dipertahankan.",
    "1": "Laporan diarsipkan, ditolak, atau didisposisikan ke instansi di luar kota ini.",
    "2": "Laporan selesai atau ditutup.",
    "3": "Laporan ditunda; pelapor yang ditunggu.",
    "4": "Sudah dijawab sejak disposisi terakhir, dan instansi yang terakhir berbicara.",
    "5": "Sudah dijawab sejak disposisi terakhir, lalu pelapor menulis lagi.",
    "6": "Percakapannya tidak diketahui; menurut statusnya laporan sudah ditindaklanjuti.",
    "7": "Percakapannya tidak diketahui; menurut statusnya pelapor menulis lagi.",
    "8": "Laporan belum diverifikasi.",
    "9": "Laporan didisposisikan ke kota, belum ke salah satu OPD.",
    "10": "Laporan sudah diverifikasi atau didisposisikan, dan sejak itu belum dijawab.",
}
"""The sentence for each row of the colours' table: a colour can always be explained."""

FLAGS: Mapping[Flag, str] = {
    Flag.UNKNOWN_STATUS: "status tidak dikenal",
    Flag.STATUS_WITHOUT_ANSWER: "berstatus diproses, tetapi belum ada jawaban",
    Flag.DEADLINE_ESTIMATED: "batas waktu diperkirakan",
    Flag.FORWARD_REQUESTED: "pelimpahan sedang diminta",
    Flag.SENT_NOT_SEEN: "jawaban terkirim, belum terbaca di LAPOR",
    Flag.SEEN_TWICE: "jawaban tampil dua kali di LAPOR",
    Flag.VANISHED: "tidak ditemukan lagi di LAPOR",
    Flag.THREAD_INCOMPLETE: "percakapan mungkin tidak lengkap",
    Flag.THREAD_UNREADABLE: "percakapan tidak dapat dibaca",
    Flag.TIME_UNREADABLE: "ada waktu yang tidak terbaca",
    Flag.ANOTHER_REPORT: "LAPOR menampilkan laporan lain untuk nomor ini",
}

CLOCKS: Mapping[ClockKind, str] = {
    ClockKind.VERIFY: "verifikasi",
    ClockKind.ANSWER: "jawaban pertama OPD",
    ClockKind.RESOLVE: "penyelesaian",
    ClockKind.AUTO_CLOSE: "penutupan otomatis oleh LAPOR",
    ClockKind.COMPLETE: "pelapor melengkapi data",
}

SPEAKERS: Mapping[ItemKind, str] = {
    ItemKind.DISPOSITION: "Disposisi",
    ItemKind.ANSWER: "Jawaban",
    ItemKind.REPORTER: "Pelapor",
    ItemKind.LOG: "Catatan",
}

KINDS: Mapping[Kind, str] = {Kind.RESPONSE: "jawaban", Kind.FORWARD: "pelimpahan"}

REASONS: Mapping[Reason, str] = {
    Reason.CLOSED_SINCE: "Laporan ditutup setelah jawaban ini ditulis.",
    Reason.ANSWERED_ELSEWHERE: "Pihak lain menjawab setelah jawaban ini ditulis.",
    Reason.UNKNOWN_STATUS: "Status laporan tidak dikenal; mungkin sudah ditutup.",
    Reason.DISPOSED_ELSEWHERE: "Laporan sekarang ada pada instansi lain.",
    Reason.FIRST_READ: "Percakapannya belum diketahui saat jawaban ditulis, dan ternyata sudah berisi jawaban.",
    Reason.BOTH_MOVED: "Laporan berubah di LAPOR dan di sini pada saat yang sama.",
    Reason.GONE_UPSTREAM: "Laporan tidak ditemukan lagi di LAPOR.",
    Reason.CANNOT_READ_BACK: "Tidak dapat diperiksa apakah jawaban sudah sampai.",
    Reason.NOT_FOUND_AGAIN: "Sudah sepuluh kali dikirim dan tidak pernah ditemukan di LAPOR.",
    Reason.FORWARD_NOT_FOUND: "Pelimpahan tidak ditemukan di LAPOR; mungkin tetap sampai.",
    Reason.BARRED: "Dinding api menolak kiriman ini di depan LAPOR. Ubah kata-katanya, atau minta aksesnya dibuka.",
    Reason.TEXT_CUT: "LAPOR menerima jawaban, tetapi menampilkannya terpotong atau kosong. Periksa di LAPOR.",
    Reason.NOT_SHOWN: "LAPOR menerima jawaban, tetapi tidak menampilkannya kepada pelapor. Periksa di LAPOR.",
    Reason.FILES_LOST: "LAPOR menerima jawaban, tetapi tidak menampilkan semua berkasnya. Periksa di LAPOR.",
    Reason.PERHAPS_ARRIVED: "Ada isi baru di LAPOR yang mungkin jawaban ini. Periksa di LAPOR.",
    Reason.MENTIONED: "Nomor rujukannya sudah ada di LAPOR, padahal belum dikirim. Periksa di LAPOR.",
    Reason.ANOTHER_REPORT: "LAPOR menampilkan laporan lain untuk nomor ini; tidak ada yang dikirim.",
    Reason.NOT_CONFIRMED: "LAPOR tidak memastikan bahwa ini laporan yang dimaksud. Bandingkan keduanya.",
    Reason.ANSWER_OLD: "Jawaban LAPOR berasal dari simpanan sementara (cache); dicoba lagi dengan sendirinya.",
    Reason.REPORT_UNREAD: "Laporannya belum dapat dibaca di LAPOR; dicoba lagi dengan sendirinya.",
    Reason.BY_PERSON: "Ditahan oleh petugas.",
    Reason.RETRIED: "Dilepas kembali oleh petugas.",
    Reason.CALLED_OFF: "Dibatalkan oleh petugas.",
    Reason.REFUSED: "LAPOR menolaknya.",
    Reason.LEAVING: "Sedang berangkat.",
    Reason.NOT_SENT: "Belum berangkat; dicoba lagi dengan sendirinya.",
    Reason.REPLY_LOST: "Balasan LAPOR tidak jelas; sedang diperiksa apakah sudah sampai.",
    Reason.KILLED: "Program berhenti saat mengirim; sedang diperiksa apakah sudah sampai.",
    Reason.RECOVERED: "Ditemukan di LAPOR dengan nomor rujukan kita.",
    Reason.FOUND: "Ditemukan di LAPOR.",
    Reason.NOT_FOUND: "Belum ada di LAPOR; dikirim lagi.",
    Reason.ACCEPTED: "Diterima LAPOR.",
}

UNSURE_WHY: Mapping[Unsure, str] = {
    Unsure.OLD_ANSWER: "jawaban LAPOR dibuat sebelum pengiriman, mungkin dari simpanan sementara (*cache*)",
    Unsure.CLOCK_STANDS: "jam LAPOR tidak berjalan, jadi umur jawabannya tidak dapat diketahui",
    Unsure.PROMISED: "LAPOR menyatakan akan menyimpannya kemudian (202), jadi jawaban masih mungkin muncul",
    Unsure.STEP_FAILED: "langkah berikutnya tidak dapat ditentukan",
}


def asked(kind: str, facts: Facts) -> str:
    """Return what a person is asked, of a conflict of this kind; without what an earlier program said in English."""
    if kind == MANY_VANISHED:
        if TOLD in facts:
            return "Terlalu banyak laporan sekaligus tidak ditemukan lagi di LAPOR."
        return f"{facts[MISSING]} dari {facts[OPEN]} laporan yang masih terbuka tidak ditemukan lagi di LAPOR."
    more = UNSURE_WHY[Unsure(facts[UNSURE])] if UNSURE in facts else facts.get(SAID)
    more = f"berbeda dari sebelum dikirim: {facts[CHANGED]}" if CHANGED in facts else more
    return f"{REASONS[Reason(kind)]} ({more})" if more else REASONS[Reason(kind)]


OUTBOX_ACTS: Mapping[str, str] = {"retry": "Lepas", "hold": "Tahan", "cancel": "Batalkan"}

SURE: Mapping[str, str] = {
    "retry": "Sudah saya periksa di LAPOR: belum ada di sana (bila ternyata ada, pelapor membacanya dua kali)",
    "cancel": "Sudah saya periksa di LAPOR (bila ternyata sudah sampai, jawaban itu tetap tampil di sana)",
}
"""What is ticked before a delivery is moved that may have arrived."""

ACTIONS: Mapping[str, str] = {
    "shown": "melihat laporan rahasia ini",
    "noted": "menulis catatan internal",
    "instructed": "memberi arahan",
    "draft_passed": "meneruskan draf jawaban kepada pengganti",
    "agreed": "menyamakan catatan dengan LAPOR",
    "conflict_opened": "menanyakan perbedaan dengan LAPOR kepada admin",
    "conflict_settled": "memutuskan perbedaan dengan LAPOR",
    "retry_now": "meminta kiriman segera dicoba lagi",
    "missing": "tidak menemukan laporan ini di LAPOR",
    "vanished": "menandai laporan ini hilang dari LAPOR",
    "another_report": "menerima laporan lain dari LAPOR untuk nomor ini",
    "seen_twice": "melihat jawaban tampil dua kali di LAPOR",
    "quarantined": "menyisihkan data yang tidak dapat dibaca",
    "released": "membaca lagi data yang disisihkan",
    "citizen_sought": "mencari nama dalam data pelapor",
    "citizen_shown": "membuka semua data pelapor dari laporan ini",
    "citizen_held": "membatasi data pelapor: diperlakukan seperti laporan rahasia",
    "citizen_let_go": "mengakhiri pembatasan data pelapor",
    "citizen_erased": "menghapus kata-kata pelapor dari salinan ini",
    "citizen_read_again": "meminta laporan ini dibaca lagi dari LAPOR",
    "colour": "menentukan warna",
    "delivery_written": "menulis kiriman",
    "delivery_moved": "memindahkan kiriman",
    "attempt": "mencoba mengirim",
    "delivery_paused": "menghentikan pengiriman",
    "delivery_resumed": "melanjutkan pengiriman",
    "outage_began": "LAPOR berhenti menjawab",
    "outage_ended": "LAPOR menjawab lagi",
    "dropped": "menghapus data pribadi yang sudah lama",
    "restored": "memulihkan cadangan",
    "contract_changed": "melihat bentuk jawaban LAPOR berubah",
    "agency_copied": "menyalin instansi ke basis data ini",
    "agency_removed": "menghapus instansi dari basis data ini",
    "rules": "memakai aturan baru",
    "recap_fixed": "menetapkan rekap",
    "person_invited": "mengundang orang",
    "channel_added": "menambah alamat pemberitahuan",
    "channel_verified": "memastikan alamat pemberitahuan",
    "channel_chosen": "memilih pemberitahuan",
    "channel_removed": "menghapus alamat pemberitahuan",
    "text_kept": "menyimpan teks siap pakai",
    "text_removed": "menghapus teks siap pakai",
    "link_made": "membuat tautan masuk",
    "link_mailed": "mengirim tautan lupa kata sandi ke surel",
    "password_chosen": "memilih kata sandi",
    "factor_added": "menambah langkah kedua",
    "factor_removed": "menghapus langkah kedua",
    "factors_removed": "menghapus semua langkah kedua seseorang",
    "recovery_codes_made": "membuat kode pemulihan",
    "signed_in": "masuk",
    "session_ended": "mengakhiri sesi",
    "session_over": "sesi berakhir",
    "post_handed_over": "menyerahkan jabatan",
    "tenures_ended": "mengakhiri masa jabatan",
    "sign_on_bound": "menghubungkan akun kota",
    "person_forgotten": "menghapus nama dan nama masuk orang",
    "exported": "mengambil daftar beserta isi laporan rahasia",
}
"""The acts of the whole audit, as a list names them; one that is not here is shown as it is written."""

SUBJECTS: Mapping[str, str] = {
    "agency": "instansi",
    "contract": "bentuk jawaban LAPOR",
    "database": "basis data",
    "deliveries": "semua kiriman",
    "opd": "OPD",
    "person": "orang",
    "personal": "data pribadi",
    "post": "jabatan",
    "recap": "rekap",
    "reports": "laporan",
    "rules": "aturan",
    "text": "teks",
    "upstream": "LAPOR",
    MANY_VANISHED: "banyak laporan sekaligus",
}
"""The words that name what a row of the audit is about, where it is neither a report nor a person."""

CHOICES: Mapping[str, tuple[str, str, str]] = {
    "keep_ours": (
        "Pakai yang di sini",
        "Kiriman kita berangkat, dengan keadaan laporan yang sekarang terlihat.",
        "Catatan disamakan dengan LAPOR; tidak ada yang dikirim.",
    ),
    "take_upstream": (
        "Pakai yang di LAPOR",
        "Kiriman kita dibatalkan; yang tertulis di LAPOR berlaku.",
        "Catatan disamakan dengan LAPOR; tidak ada yang dikirim.",
    ),
    "accept_vanished": (
        "Laporan-laporan itu memang sudah tidak ada",
        "LAPOR dibaca sekali lagi; yang tetap tidak ditemukan ditandai hilang.",
        "",
    ),
}
"""Each choice in a conflict: its name, what it does to a delivery, and what it does where there is none."""

SOURCES: Mapping[str, str] = {
    "list": "Barisnya dalam daftar LAPOR; laporannya belum ada di sini, atau masih seperti terakhir kali terbaca.",
    "detail": "Rinciannya di LAPOR; laporannya belum ada di sini, atau masih seperti terakhir kali terbaca.",
    "thread": "Satu isi percakapannya di LAPOR; isi yang lain terbaca.",
    "export": "Barisnya dalam berkas ekspor. Perbaiki selnya, lalu impor lagi berkasnya.",
}
"""What could not be read, by where it came from, and what to do."""
_SAID = {
    ItemKind.ANSWER: "menjawab",
    ItemKind.DISPOSITION: "mendisposisikan",
    ItemKind.REPORTER: "menulis",
    ItemKind.LOG: "mencatat",
}
_OUTCOMES = {"sent": "diterima", "refused": "ditolak", "unknown": "tidak jelas", "not_sent": "tidak berangkat"}


def happened(one: Happening) -> tuple[str, str]:
    """Return who did it, as the audit or LAPOR has it, and what."""
    facts = one.facts
    match one.what:
        case happenings.RECEIVED:
            return "Pelapor", "laporan diterima LAPOR"
        case happenings.SAID if facts is not None:
            return "Pelapor" if facts["kind"] is ItemKind.REPORTER else one.who or "LAPOR", _item(facts)
        case happenings.AWAY:
            return "LAPOR", "tidak menjawab sebagaimana mestinya"
        case happenings.BACK:
            return "LAPOR", "menjawab kembali"
    plain = ACTIONS.get(one.what, one.what.replace("_", " "))
    try:
        return one.who or "", plain if facts is None else _done(one.what, facts) or plain
    except (LookupError, TypeError):  # a row that an earlier program wrote
        return one.who or "", plain


def _item(facts: Facts) -> str:
    to = f" ke {facts['to']}" if facts["kind"] is ItemKind.DISPOSITION and facts["to"] else ""
    moved = f" (status: {facts['status']})" if facts["status"] else ""
    return f"{_SAID[facts['kind']]}{to}{moved}"


def _done(what: str, facts: Facts) -> str | None:
    match what:
        case "colour":
            before, after = COLOURS[facts["before"]], COLOURS[facts["after"]]
            change = after if before == after else f"{before} → {after}"
            return f"warna kota {change}: {ROWS[facts['row']]}"
        case "delivery_written":
            return f"menulis {KINDS[facts['kind']]} {facts['ref']}"
        case "delivery_moved":
            moved = f"{STATES[facts['from']]} → {STATES[facts['to']]}"
            return f"{facts['ref']} {moved}: {REASONS[facts['reason']]}"
        case "attempt":
            return f"mencoba mengirim {facts['ref']}: {_OUTCOMES[facts['outcome']]}"
    return None


# What the board says of a request itself.


class TroubleKind(StrEnum):
    """Why a request is not carried out, whatever it asks for."""

    OTHER_HOST = "other_host"
    FOREIGN_FORM = "foreign_form"
    STALE_FORM = "stale_form"
    PASSWORDS_DIFFER = "passwords_differ"
    MAY_STAND_TWICE = "may_stand_twice"


FILES: Mapping[Absence | None, str] = {
    None: "(dibuka di LAPOR)",
    Absence.EXPIRED: "(tidak dapat diambil lagi: alamatnya sudah kedaluwarsa atau berkasnya dihapus)",
    Absence.NOT_ALLOWED: "(tidak diambil: alamatnya menunjuk ke jaringan dalam)",
    Absence.NO_FILE: "(tidak dapat diambil: yang datang bukan berkas itu)",
    Absence.TOO_LARGE: "(tidak diambil: terlalu besar; dibuka di LAPOR)",
    Absence.AWAY: "(tidak dapat diambil: servernya tidak menjawab)",
    Absence.NO_ROOM: "(tidak disimpan lagi karena keterbatasan ruang)",
}
"""What became of a file that is not kept."""

WRITTEN: Mapping[str, str] = {
    "text": "Yang Anda tulis",
    "reason": "Alasan yang Anda tulis",
    "title": "Judul yang Anda tulis",
    "name": "Nama yang Anda tulis",
    "to": "Tujuan yang Anda tulis",
    "address": "Alamat yang Anda tulis",
}
"""The fields of forms into which people write words of their own, as a page names them that cannot have the form."""

TROUBLES: Mapping[TroubleKind, Told] = {
    TroubleKind.OTHER_HOST: Told(
        "Papan tidak dibuka di alamat ini.", "Gunakan alamat yang diberikan admin induk."
    ),
    TroubleKind.FOREIGN_FORM: Told(
        "Formulir itu tidak dikirim dari papan ini, jadi tidak ada yang disimpan.",
        "Buka halamannya di papan, lalu kirim dari sana.",
    ),
    TroubleKind.STALE_FORM: Told(
        "Halaman ini dibuka terlalu lama, atau Anda sudah masuk lagi di tempat lain. Belum ada yang disimpan.",
        "Periksa isinya, lalu kirim sekali lagi.",
    ),
    TroubleKind.MAY_STAND_TWICE: Told(
        "Kiriman ini mungkin sudah sampai: hasil satu percobaan tidak diketahui. Belum ada yang diubah.",
        "Periksa dahulu laporannya di LAPOR. Bila sudah, tandai bahwa Anda tetap menghendakinya.",
    ),
    TroubleKind.PASSWORDS_DIFFER: Told("Kedua kata sandi tidak sama.", "Ketik kata sandi yang sama dua kali."),
}

FACTOR_DUE = Told(
    "Jabatan Anda memerlukan langkah kedua saat masuk. Belum ada yang disimpan.",
    "Siapkan dahulu langkah kedua di halaman Akun, lalu kirim lagi.",
)

PAGES: Mapping[int, Told] = {
    400: Told("Permintaan ini tidak dapat dibaca.", "Kembali ke halaman sebelumnya, lalu coba lagi."),
    401: Told(
        "Anda sudah keluar. Yang Anda tulis belum tersimpan.", "Masuk lagi; tulisan Anda akan ditampilkan kembali."
    ),
    403: Told("Anda tidak berwenang membuka halaman ini.", "Hubungi admin induk bila hal ini perlu."),
    404: Told("Halaman tidak ditemukan.", "Periksa alamatnya, atau mulai dari halaman Tugas."),
    405: Told("Halaman ini tidak dapat dibuka dengan cara itu.", "Mulai dari halaman Tugas."),
    413: Told(
        "Kiriman terlalu besar; belum ada yang disimpan.", "Kurangi atau perkecil lampirannya, lalu kirim lagi."
    ),
    429: Told("Terlalu banyak percobaan.", "Tunggu sebentar, lalu coba lagi."),
    500: Told(
        "Papan tidak dapat menyelesaikan permintaan ini.",
        "Coba lagi; bila terulang, sampaikan kepada admin induk.",
    ),
    503: Told(
        "Basis data sedang tidak dapat dipakai.",
        "Tunggu sebentar, lalu coba lagi; bila terulang, sampaikan kepada admin induk.",
    ),
}
NO_ROOM = Told(
    "Penyimpanan server penuh; kiriman Anda belum diterima.",
    "Kembali ke halaman sebelumnya, salin tulisan Anda, dan kirim tanpa lampiran; sampaikan ini kepada admin induk.",
)
