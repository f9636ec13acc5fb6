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
let isSaving = false;
let isLeaving = false;
let timer;

async function save() {
  if (isSaving || isLeaving || words.value === saved) return;
  isSaving = true;
  const body = new URLSearchParams();
  for (const name of ["csrf", "seen", "text"]) body.set(name, form.elements[name].value);
  if (form.elements.secret.checked) body.set("secret", "1");
  let told = "Draf belum tersimpan; dicoba lagi saat Anda mengetik.";
  try {
    const answer = await fetch(form.dataset.draft, {
      method: "POST", body, headers: { "X-Papan": "1" }, redirect: "error",
    });
    if (answer.status === 204) {
      saved = body.get("text");
      told = saved.trim() ? "Draf tersimpan; berkas tidak ikut disimpan." : "";
    }
  } catch { /* a network that is away: the next key tries again */ }
  isSaving = false;
  $("draf").textContent = told;
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
  addEventListener("pageshow", () => { isLeaving = false; });
  form.addEventListener("submit", () => { isLeaving = true; clearTimeout(timer); });
  const insert = $("sisipkan");
  insert?.addEventListener("click", async (event) => {
    event.preventDefault();
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, template: form.elements.template.value });
    try {
      const answer = await fetch(insert.formAction, {
        method: "POST", body, headers: { "X-Papan": "1" }, redirect: "error",
      });
      if (!answer.ok) throw new Error(answer.status);
      words.setRangeText(await answer.text(), words.selectionEnd, words.selectionEnd, "end"); // nothing typed goes
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

// What happened meanwhile.

const news = $("kabar");
let version = news && news.dataset.version;
let lastSeen = Date.now();
for (const one of ["keydown", "pointerdown", "scroll"]) addEventListener(one, () => { lastSeen = Date.now(); }, { passive: true });

async function look() {
  if (document.hidden || Date.now() - lastSeen > QUIET) return;
  try {
    const answer = await fetch(news.dataset.ask, { redirect: "error" });
    const now = answer.ok ? await answer.text() : version;
    if (now !== version && await show()) version = now;
  } catch { /* a network that is away: asked again soon */ }
}

// The deliveries are shown as they are now; of all else it is only said that it changed: what is typed stays in place.
async function show() {
  const answer = await fetch(news.dataset.page, { redirect: "error" });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [here, there] = [$("kiriman"), page.getElementById("kiriman")];
  if (!here.contains(document.activeElement)) here.replaceWith(there);
  if (page.getElementById("kabar").dataset.seen !== news.dataset.seen && !news.firstChild) {
    const link = Object.assign(document.createElement("a"), { href: news.dataset.page, textContent: "Muat ulang" });
    news.className = "note";
    news.append("Ada perubahan pada laporan ini. ", link);
  }
  return true;
}

if (news) setInterval(look, ASK_EVERY);
