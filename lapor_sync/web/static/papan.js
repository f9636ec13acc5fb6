// Every page is whole without this. It saves drafts, counts what is left, and shows what happened meanwhile.
"use strict";

const SAVE_AFTER = 2000; // milliseconds without a key
const ASK_EVERY = 5000;
const QUIET = 10 * 60 * 1000; // who did nothing for so long is not kept signed in by the questions of their page

const $ = (id) => document.getElementById(id);

// A draft saves itself.

const words = $("text");
const form = words && words.form.dataset.draft ? words.form : null;
let saved = words && words.value;
let tried = []; // what was sent to be saved since then, and may have been: no answer came
let isSending = false;
let saving = null;
let timer;

function save() {
  if (saving || isSending || words.value === saved) return;
  saving = keep().finally(() => { saving = null; });
}

async function keep() {
  const body = new URLSearchParams();
  for (const name of ["csrf", "seen", "draft", "text"]) body.set(name, form.elements[name].value);
  if (form.elements.secret.checked) body.set("secret", "1");
  for (const text of tried) body.append("tried", text);
  tried = [...tried, words.value].slice(-20);
  let told = "Draf belum tersimpan; dicoba lagi sebentar lagi.";
  try {
    const answer = await fetch(form.dataset.draft, {
      method: "POST", body, headers: { "X-Papan": "1" }, redirect: "error", keepalive: document.hidden,
    });
    if (answer.status === 204) {
      saved = body.get("text");
      tried = [];
      form.elements.draft.value = answer.headers.get("X-Papan-Draf");
      told = saved.trim() ? "Draf tersimpan; berkas tidak ikut disimpan." : "";
    } else if (answer.status === 401) {
      told = "Anda sudah keluar, jadi draf belum tersimpan. Tekan Simpan draf dan masuk lagi: tulisan Anda ikut.";
    } else if (answer.status === 409) {
      $("draf").textContent = "Draf laporan ini diubah di jendela lain, jadi tulisan di sini belum disimpan. Tekan Simpan draf untuk melihat keduanya.";
      return; // which of both stays is for the person to say
    }
  } catch { /* a network that is away */ }
  $("draf").textContent = told;
  if (saved !== body.get("text")) timer = setTimeout(save, ASK_EVERY);
}

// An answer and its files leave from a page that stays: a connection that breaks takes neither words nor files with it.

async function send(event) {
  event.preventDefault();
  if (isSending) return;
  words.readOnly = isSending = true;
  clearTimeout(timer);
  $("draf").textContent = "Mengirim…";
  $("gagal").textContent = "";
  const to = event.submitter?.getAttribute("formaction") || form.action;
  await saving; // a draft that comes after its answer would stay
  clearTimeout(timer);
  let why = "Sambungan terputus.";
  try {
    const answer = await fetch(to, { method: "POST", body: new FormData(form) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    why = page.querySelector(".problem")?.textContent.trim() ?? "Papan sedang terganggu.";
    if (!page.querySelector(answer.status < 500 ? "main" : "form[data-draft]")) throw new Error(answer.status);
    put(page, answer.redirected && to === form.action);
    if (answer.redirected) saved = words.value; // it was kept or sent
  } catch {
    $("draf").textContent = "";
    $("gagal").textContent = `${why} Tulisan dan berkas Anda masih di sini; coba lagi. Yang ternyata sudah terkirim tidak dikirim lagi sebelum Anda ditanya.`;
  }
  words.readOnly = isSending = false;
  if (form.isConnected) save();
}

// Show what came back around the form that is here: the files that were chosen stay in it until they are sent.
function put(page, isSent) {
  const [main, theirs] = [page.querySelector("main"), page.querySelector("form[data-draft]")];
  const [note, its] = [$("note"), main.querySelector("#note")];
  if (note?.value && its && !its.value) { // what is being noted beside it
    its.closest("details").open = true;
    its.value = note.value;
  }
  if (theirs) {
    if (isSent) form.reset();
    for (const name of ["csrf", "seen", "draft", "text"]) form.elements[name].value = theirs.elements[name].value;
    for (const id of ["tanya", "draf"]) $(id).replaceWith(page.getElementById(id));
    count();
    theirs.replaceWith(form);
  }
  document.querySelector("main").replaceWith(main);
  if (theirs && isSent) location.hash = "kiriman";
  (theirs && isSent ? $("kiriman") : main.querySelector(".problem, .preview") ?? main).scrollIntoView();
}

function count() {
  const left = words.dataset.most - [...words.value.trimEnd()].length;
  $("sisa").textContent = left < 0 ? `, lebih ${-left}` : `, sisa ${left}`;
}

if (form) {
  count();
  words.addEventListener("input", () => {
    count();
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_AFTER);
  });
  form.elements.secret.addEventListener("change", () => { saved = null; save(); });
  form.addEventListener("submit", send);
  addEventListener("beforeunload", (event) => { // the browser asks whoever would leave words behind
    if (!form.isConnected) return; // the page that came instead has them
    if (isSending || words.value !== saved) event.preventDefault();
    save();
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) save(); }); // a phone asks nobody
  const insert = $("sisipkan");
  insert?.addEventListener("click", async (event) => {
    event.preventDefault();
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, template: form.elements.template.value });
    try {
      const answer = await fetch(insert.formAction, {
        method: "POST", body, headers: { "X-Papan": "1" }, redirect: "error",
      });
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text(), at = words.selectionEnd; // nothing typed goes, and no sentence runs into it
      const before = words.value.slice(0, at), after = words.value.slice(at);
      const part = (before.trim() && !before.endsWith("\n") ? "\n\n" : "") + text;
      words.setRangeText(part + (after.trim() && !after.startsWith("\n") ? "\n\n" : ""), at, at, "end");
      words.dispatchEvent(new Event("input"));
      words.focus();
    } catch {
      $("draf").textContent = "Templat tidak dapat diambil. Coba lagi.";
    }
  });
  const files = $("files");
  files.addEventListener("change", () => {
    const { most, mostBytes } = files.dataset;
    const large = [...files.files].find((file) => file.size > mostBytes);
    files.setCustomValidity(
      large ? `${large.name} terlalu besar.` : files.files.length > most ? `Paling banyak ${most} berkas.` : "");
    files.reportValidity();
  });
}

// Other words have no draft: the browser asks whoever would leave them behind. A form is sent once however often its
// button is pressed; a press that comes later is meant.

const TWICE = 2000;
const left = new Set(); // the forms that were sent
addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (left.has(event.target)) event.preventDefault();
  left.add(event.target);
  setTimeout(() => left.delete(event.target), TWICE);
});
addEventListener("beforeunload", (event) => {
  const unsent = [...document.querySelectorAll("textarea")].filter((one) => one !== words || !form);
  if (unsent.some((one) => one.form && !left.has(one.form) && one.value.trim())) event.preventDefault();
});

// A link that is shown once is copied by a press, or chosen to be copied by hand.

const link = $("tautan");
if (link) {
  $("salin").hidden = false;
  $("salin").addEventListener("click", async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      $("disalin").textContent = "Tautan sudah disalin.";
    } catch {
      $("disalin").textContent = "Tautan sudah dipilih; salin dengan Ctrl+C atau tekan lama.";
    }
  });
}

// What happened meanwhile.

let lastSeen = Date.now();
for (const one of ["keydown", "pointerdown", "scroll"]) addEventListener(one, () => { lastSeen = Date.now(); }, { passive: true });

async function look() {
  const news = $("kabar");
  if (!news || isSending || document.hidden || Date.now() - lastSeen > QUIET) return;
  const { version } = news.dataset;
  try {
    const answer = await fetch(news.dataset.ask, { redirect: "error" });
    const now = answer.ok ? await answer.text() : version;
    if (now !== version && await show(news)) news.dataset.version = now;
  } catch { /* a network that is away: asked again soon */ }
}

// The deliveries are shown as they are now; of all else it is only said that it changed: what is typed stays in place.
async function show(news) {
  const answer = await fetch(news.dataset.page, { redirect: "error" });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!news.isConnected) return false; // an answer was sent meanwhile
  const [here, there] = [$("kiriman"), page.getElementById("kiriman")];
  if (!here.contains(document.activeElement)) here.replaceWith(there);
  if (page.getElementById("kabar").dataset.seen !== news.dataset.seen && !news.firstChild) {
    const link = Object.assign(document.createElement("a"), { href: news.dataset.page, textContent: "Muat ulang" });
    news.className = "note";
    news.append("Ada perubahan pada laporan ini. ", link);
  }
  return true;
}

if ($("kabar")) setInterval(look, ASK_EVERY);
