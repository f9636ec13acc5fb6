"""The words of which keys, statuses and codes are made: of offices and of interfaces, none that tells who somebody is.

What is not here leaves no recording of LAPOR's answers, see `shapes`. A word that LAPOR turns out to use is added here.
"""

from __future__ import annotations

_WORDS = """
a account action active actor add added address admin administrator after agency all allowed already an and
android anonim anonymous answer answered any api app application approved archive archived arsip article
aspirasi assigned at attachment attachments attempts auth author authority available bad base batas be been
before begin belum bidang body boolean by can cannot caption catatan categories category causer center central
change changed changes channel check child children citizen city class classification client close closed code
codes color colour comment comments complaint complaints complete completed component confirm confirmation
confirmed contact content contents coordinate count counter country create created creator csv current cursor
daerah dalam dan dari data date datetime day days deadline default delete deleted delta denied department desa
description detail details diajukan diarsipkan dibaca dibalas dibatalkan dibuka dijawab dikembalikan
dilanjutkan dinas diproses direktorat disetujui disk display disposed disposisi disposition distribusi
district ditangani ditanggapi ditangguhkan diterima diteruskan ditindaklanjuti ditolak ditutup diverifikasi
division doc docs document docx draft due duplicate duration edit edited email empty end entry env error
errors escalated escalation evidence exception exists expired expires export extension external false field
fields file filename files filter first flag flags float followup followups for forbidden form format forward
forwarded foto found from full gagal gambar gif given group hari has hash header heic height hidden hint
history href html http https icon id ids image images in incident index info informasi information input
instagram instansi institusi institution institutions int integer internal invalid ios is isi item items
jabatan jawaban jenis jpeg jpg json judul jumlah kabupaten kajian kategori kd kecamatan kelurahan kembali
kementerian keterangan kewenangan key kind klasifikasi kode konfirmasi kota lampiran lanjut laporan last lat
late latitude layanan legacy length level lewat like likes limit link links list lng location log logs lon
long longitude maintenance major manual map masuk max media medium melalui menunggu message meta method mime
min minor missing mobile mode modified module more moved mp much nama name nasional new next no nomor normal
not note notes notification null number object of office old oleh on online opd open opened operator option
options order organisasi organization origin original other overdue owner page pages paginator param parent
parents party password path pdf pelapor pemerintah penanganan pending pengaduan pengawasan per perlu
permintaan permission persetujuan photo pin place platform png position post postal posted prev preview
previous prioritas priority privacy private process processed processing progress proses province provinsi
public publik published pusat query question quick rahasia rar rate rated rating raw reaction reactions read
reason received record records ref reference regency region reject rejected related relation reminder remote
reopen reopened replied reply report reported reporter reports request requested required resolved respon
response responses result results retry review rhp role row rows rt rtl rw satisfaction score search secret
section selesai send sender sent server service setting severity show shown signature sistem size sk skpd sla
slug sms snapshot solved source spam start started state statistics status step stop sub subcategory
subdistrict subject submitted success successful sudah summary survey system table tag tags tahap tanggal
tanggapan target telah template templates tenggat terlambat terpadu tertunda terverifikasi text the thread
thumb thumbnail tidak tim time timeline times timestamp timezone tindak title tl to token tool total tracking
true truncated tunda twitter txt type types ulang unauthorized unit unread until update updated updater upload
uploaded uploads urgency urgent uri url use user users uuid valid validation value values verification
verified verifier verifikasi version video view viewed views village visibility visible waiting waktu was web
webp website weight whatsapp width wilayah with without work workflow working x xls xlsx year yes you your zip
zone
"""

WORDS = frozenset(_WORDS.split())
