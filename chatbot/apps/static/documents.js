// The documents: which there are and how far each is, files and pages to add, with their progress. All text goes in as text.
(() => {
  const SHOWN = 200;
  const MIB = 2 ** 20;
  const STATES = {
    live: ["Ready", "good"], partly: ["Ready, in part", "warn"], pending: ["Waiting", "warn"], parsed: ["Being read", "warn"],
    embedded: ["Being read", "warn"], failed: ["Failed", "bad"], refused: ["Cannot be read", "bad"],
  };
  const VERDICTS = {
    added: "Added.", changed: "Updated.", renamed: "Renamed.", unchanged: "Already there, unchanged.", removed: "Removed.",
    partly: "Added, in part", failed: "Failed", refused: "Cannot be read",
  };
  let held = [];
  let places = [];
  let total = 0;
  const queue = [];
  let busy = false;

  function make(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // what the server says

  async function told(response) {
    if (response.ok) return response.json();
    const body = await response.json().catch(() => ({}));
    throw new Error(body.detail || `the server answered ${response.status}`);
  }

  async function refresh() {
    const query = new URLSearchParams({ limit: "1000" });
    try {
      const [documents, sources] = await Promise.all([fetch(`/v1/documents?${query}`).then(told), fetch("/v1/documents/sources").then(told)]);
      held = documents.documents;
      total = documents.total;
      places = sources.sources;
      draw();
    } catch (error) {
      part("count").textContent = `The list cannot be had: ${error.message}`;
    }
  }

  // the table

  const dialog = () => document.getElementById("documents");
  const part = (name) => dialog().querySelector(`[data-part="${name}"]`);

  function draw() {
    const wanted = part("filter").value.trim().toLowerCase();
    const fits = (each) => `${each.collection}/${each.source}`.toLowerCase().includes(wanted);
    const pages = new Set(held.map((each) => each.source));
    // a sitemap is no document, but it is what can be removed
    const sitemaps = places.filter((place) => place.kind === "web" && !pages.has(place.location))
      .map((place) => ({ collection: place.collection, source: place.location, state: "live", reason: "", sitemap: true }));
    const found = [...sitemaps, ...held].filter(fits);
    found.sort((a, b) => rank(a) - rank(b));
    part("rows").replaceChildren(...found.slice(0, SHOWN).map(row));
    const more = found.length > SHOWN ? `; the first ${SHOWN} are shown, type to find others` : "";
    part("count").textContent = `${total.toLocaleString()} document${total === 1 ? "" : "s"}${wanted ? `, ${found.length} found` : ""}${more}`;
  }

  // troubles first, then what can be removed here
  const rank = (each) => (["failed", "refused"].includes(each.state) ? 0 : removable(each) ? 1 : 2);

  function removable(each) {
    return places.some((place) => place.collection === each.collection
      && (place.kind === "web" ? place.location === each.source : place.names.includes(each.source)));
  }

  function row(each) {
    const [word, tone] = each.sitemap ? ["Sitemap", "good"] : STATES[each.state === "live" && each.reason ? "partly" : each.state];
    const name = make("bdi", { textContent: each.source });
    const shown = /^https?:/.test(each.source) ? make("a", { href: each.source, target: "_blank", rel: "noopener noreferrer" }, name) : name;
    const cells = [
      make("td", {}, shown, make("div", { className: "soft", textContent: each.collection })),
      make("td", {}, make("span", { className: `state ${tone}`, textContent: word }), make("div", { className: "soft", textContent: each.reason })),
      make("td"),
    ];
    if (removable(each)) cells[2].append(remover(each));
    return make("tr", {}, ...cells);
  }

  function remover(each) {
    const what = each.sitemap ? "this sitemap and all its pages" : each.source;
    const button = make("button", { type: "button", textContent: "Remove", ariaLabel: `Remove ${what}` });
    button.addEventListener("blur", () => { if (!button.disabled) { button.className = ""; button.textContent = "Remove"; } });
    button.addEventListener("click", async () => {
      if (button.className !== "sure") {
        button.className = "sure";
        button.textContent = "Really remove?";
        return;
      }
      button.disabled = true;
      button.textContent = "Removing…";
      const name = [each.collection, ...each.source.split("/")].map(encodeURIComponent).join("/");
      try {
        await fetch(`/v1/documents/${name}`, { method: "DELETE" }).then(told);
        announce(`Removed ${what}.`);
      } catch (error) {
        announce(`${each.source} was not removed: ${error.message}`);
        part("jobs").prepend(make("p", { className: "job soft", textContent: `${each.source} was not removed: ${error.message}` }));
      }
      await refresh();
      part("filter").focus();
    });
    return button;
  }

  const announce = (text) => { part("said").textContent = text; };

  // jobs: one at a time

  function job(name, run) {
    const bar = make("progress", { max: 1, ariaLabel: `Progress of ${name}` });
    bar.value = 0;
    const says = make("span", { className: "told soft", textContent: "Waiting for its turn" });
    const stop = make("button", { type: "button", textContent: "Cancel", ariaLabel: `Cancel ${name}` });
    const line = make("div", { className: "job" }, make("bdi", { className: "name", textContent: name }), says, stop, bar);
    const control = new AbortController();
    stop.addEventListener("click", () => { if (control.signal.aborted || line.dataset.done) line.remove(); else control.abort(); });
    part("jobs").prepend(line);
    queue.push(async () => {
      let said;
      try {
        if (control.signal.aborted) throw new DOMException("", "AbortError");
        said = await run(control.signal, (share, text) => {
          if (share === null) bar.removeAttribute("value");
          else bar.value = share;
          says.textContent = text;
        });
      } catch (error) {
        said = error.name === "AbortError" ? "Cancelled; what was done is kept." : `Not added: ${error.message}`;
      }
      says.textContent = said;
      announce(`${name}: ${said}`);
      bar.remove();
      line.dataset.done = "yes";
      stop.textContent = "Hide";
      stop.ariaLabel = `Hide ${name}`;
      await refresh();
    });
    work();
  }

  async function work() {
    if (busy) return;
    busy = true;
    while (queue.length) await queue.shift()();
    busy = false;
  }

  const verdict = (report) => VERDICTS[report.state] + (report.reason ? `: ${report.reason}` : "");

  function left(seconds) {
    if (!Number.isFinite(seconds)) return "";
    return seconds < 90 ? `, ${Math.max(1, Math.round(seconds))} s left` : `, ${Math.round(seconds / 60)} min left`;
  }

  function upload(file, collection) {
    job(file.name, (signal, tell) => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const form = new FormData();
      form.append("file", file);
      const begun = performance.now();
      signal.addEventListener("abort", () => { request.abort(); reject(new DOMException("", "AbortError")); });
      request.upload.onprogress = (event) => {
        const rate = event.loaded / Math.max(1, performance.now() - begun) * 1000;
        const size = `${(event.loaded / MIB).toFixed(1)} of ${(event.total / MIB).toFixed(1)} MiB, ${(rate / MIB).toFixed(1)} MiB/s`;
        tell(event.loaded / event.total, size + left((event.total - event.loaded) / rate));
      };
      request.upload.onload = () => tell(null, "Being read");
      request.onerror = () => reject(new Error("the server cannot be reached, or broke off"));
      request.onload = () => {
        try {
          const said = JSON.parse(request.responseText);
          if (request.status === 200) resolve(said.documents.map(verdict).join(" "));
          else reject(new Error(said.detail));
        } catch { reject(new Error(`the server answered ${request.status}`)); }
      };
      request.open("POST", `/v1/documents?collection=${encodeURIComponent(collection)}`);
      request.send(form);
    }));
  }

  function fetchPage(url, collection) {
    job(url, async (signal, tell) => {
      tell(null, "Being fetched");
      const response = await fetch("/v1/documents/pages", {
        method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ url, collection }),
      });
      if (!response.ok) await told(response);
      const counts = {};
      let [rest, last, done] = ["", null, 0];
      const begun = performance.now();
      const read = (line) => {
        const said = JSON.parse(line);
        if (said.type === "error") throw new Error(said.message);
        if (said.type === "progress") {
          const rate = said.done / Math.max(1, performance.now() - begun) * 1000;
          const seconds = said.seconds_left ?? (said.total - said.done) / rate;
          if (said.total) tell(said.done / said.total, `${said.done} of ${said.total} pages${said.done ? `, ${rate.toFixed(1)} a second${left(seconds)}` : ""}`);
          return;
        }
        counts[said.state] = (counts[said.state] || 0) + 1;
        done += 1;
        last = said;
      };
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done: ended } = await reader.read();
        if (ended) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        lines.filter(Boolean).forEach(read);
      }
      if (done === 1) return verdict(last);
      return Object.entries(counts).map(([state, count]) => `${count} ${state}`).join(", ") || "Nothing was found there.";
    });
  }

  // the dialog, made when it is first opened

  function build() {
    const collection = make("input", { value: "documents", name: "collection", maxLength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]*", title: "Letters, digits, - and _", autocomplete: "off" });
    const files = make("input", { type: "file", multiple: true, ariaLabel: "Choose files to add" });
    const drop = make("label", { className: "drop" }, files, make("strong", { textContent: "Drop files here, or choose some" }), make("span", { className: "soft", textContent: "up to 50 MiB each; they stay on this machine" }));
    const address = make("input", { type: "url", required: true, placeholder: "https://example.org/page", autocomplete: "off" });
    const form = make("form", {},
      make("label", { className: "field" }, "Address of a page or sitemap", address), make("button", { type: "submit", textContent: "Add" }),
      make("label", { className: "field collection" }, "Collection that files and pages go to", collection));
    const filter = make("input", { type: "search", placeholder: "Find a document", ariaLabel: "Find a document" });
    const close = make("button", { type: "button", textContent: "Close" });
    const head = make("tr", {}, ...["Document", "State", ""].map((text) => make("th", { scope: "col", textContent: text })));
    head.lastChild.append(make("span", { className: "unseen", textContent: "Actions" }));
    const marked = (element, name) => { element.dataset.part = name; return element; };
    const made = make("dialog", { id: "documents" },
      make("div", { className: "head" }, make("h2", { id: "documents-title", textContent: "Documents" }), close),
      make("div", { className: "add" }, drop, form),
      marked(make("div", { className: "jobs" }), "jobs"),
      make("div", { className: "shelf" },
        make("div", { className: "find" }, marked(make("p", { className: "soft", textContent: "Loading the list…" }), "count"), marked(filter, "filter")),
        make("table", {}, make("thead", {}, head), marked(make("tbody"), "rows"))),
      marked(make("p", { className: "unseen", role: "status" }), "said"));
    made.setAttribute("aria-labelledby", "documents-title");
    const take = (list) => { if (collection.reportValidity()) for (const file of list) upload(file, collection.value || "documents"); };
    files.addEventListener("change", () => { take(files.files); files.value = ""; });
    for (const [kind, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
      made.addEventListener(kind, (event) => {
        event.preventDefault(); // beside the target, a browser would open the file
        drop.classList.toggle("over", over);
        if (kind === "drop") take(event.dataTransfer.files);
      });
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      fetchPage(address.value.trim(), collection.value || "documents");
      address.value = "";
    });
    filter.addEventListener("input", draw);
    close.addEventListener("click", () => made.close());
    document.body.append(made);
    return made;
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#documents-open")) return;
    (dialog() || build()).showModal();
    refresh();
  });
})();
