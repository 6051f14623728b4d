// Scrolling, the evidence panel, announcements and focus of the web chat. Messages are redrawn while they grow, so nothing is kept in their nodes.
(() => {
  const BUSY = ["searching", "reading", "answering"];
  const SAID = {
    answering: "Answering", stopped: "Stopped", // for the rest, the answer's own words
  };
  const SPOKEN = 500; // as many characters of an answer are read out unasked
  const NEAR = 8; // so many pixels from its end, the transcript is read at its end
  const SHEET = matchMedia("(max-width: 63.99rem)"); // as in chat.css
  const part = (id) => document.getElementById(id);
  const answers = () => [...document.querySelectorAll("#transcript .answer")];
  let opener = null; // which answer, which key: the button itself may be redrawn
  let said = "";
  let hinted = "";
  let following = false; // the answer as it grows; until the person scrolls up
  let busy = false;
  let top = 0;

  const log = () => document.querySelector("#transcript [role=log]");

  function follow() {
    if (following && log()) log().scrollTop = log().scrollHeight;
  }

  function isOpener(button) {
    return !part("evidence").hidden && button.dataset.evidence === opener.key && button.className === opener.kind
      && answers().indexOf(button.closest(".answer")) === opener.answer;
  }

  function markOpener() {
    for (const button of document.querySelectorAll("#transcript [data-evidence]")) {
      button.setAttribute("aria-expanded", String(isOpener(button)));
    }
  }

  function open(button) {
    const answer = button.closest(".answer");
    const key = button.dataset.evidence;
    const evidence = answer.querySelector(`.evidence[data-key="${key}"]`);
    if (!evidence) return;
    following = false;
    opener = { answer: answers().indexOf(answer), key, kind: button.className };
    part("evidence-body").replaceChildren(...evidence.cloneNode(true).childNodes);
    part("evidence").hidden = false;
    document.body.classList.add("evidence-open");
    markOpener();
    const end = SHEET.matches ? part("evidence").getBoundingClientRect().top : log().getBoundingClientRect().bottom;
    const hidden = button.getBoundingClientRect().bottom + 2 * NEAR - end;
    if (hidden > 0) log().scrollTop += hidden;
    part("evidence").focus();
    part("evidence-body").scrollTop = 0;
    part("evidence-body").querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  function close(returning = true) {
    if (!part("evidence") || part("evidence").hidden) return;
    part("evidence").hidden = true;
    document.body.classList.remove("evidence-open");
    markOpener();
    if (!returning) return;
    const answer = opener && answers()[opener.answer];
    const back = answer && [...answer.querySelectorAll(`[data-evidence="${opener.key}"]`)].find((b) => b.className === opener.kind);
    (back || field()).focus();
  }

  const field = () => document.querySelector("#question textarea, #question input");

  /** What a screen reader is to say of an answer: its words without numbers, or the card in their place. */
  function words(answer) {
    const copy = (answer.querySelector(".card") || answer).cloneNode(true);
    for (const other of copy.querySelectorAll(".citation, details, .evidence, .code")) other.remove();
    const said = [...copy.querySelectorAll("p:not(.note), .text :is(li, h3, h4, h5, h6, th, td)")];
    const whole = said.filter((each) => !said.some((other) => other !== each && other.contains(each))); // a list inside an item
    const [text, ...notes] = [whole, ...[...copy.querySelectorAll(".note")].map((note) => [note])]
      .map((paragraphs) => paragraphs.map((paragraph) => sentence(paragraph.textContent)).join(" ").trim());
    return [text.length > SPOKEN ? `${text.slice(0, SPOKEN).replace(/\S*$/, "")}… continues` : text, ...notes].join(" ");
  }

  function sentence(text) {
    const flat = text.replace(/\s+/g, " ").trim();
    return /[\p{L}\p{N}]$/u.test(flat) ? `${flat}.` : flat;
  }

  /** What Gradio sets, and sets again. */
  function correct() {
    if (document.documentElement.lang !== "en") document.documentElement.lang = "en"; // it takes the browser's language
    if (field()?.tagName === "TEXTAREA") {
      field().dir = "auto";
      field().setAttribute("aria-describedby", "hint");
    }
    // the announcer speaks, once: a live log would repeat the answer at every frame
    log()?.setAttribute("aria-live", "off");
    log()?.setAttribute("aria-busy", String(busy));
    // Gradio labels each message with its source text, which here is HTML
    for (const message of document.querySelectorAll("#transcript [data-testid][aria-label]")) message.removeAttribute("aria-label");
  }

  function look() {
    const latest = answers().at(-1);
    const phase = latest ? latest.dataset.phase : "";
    const before = busy;
    busy = BUSY.includes(phase);
    if (busy && !before) following = true;
    if (busy || before) follow();
    correct();
    if (!latest) close();
    if (!part("announcer")) return;
    markOpener();
    const hint = document.querySelector("#hint .prose")?.textContent.trim() || "";
    if (hint !== hinted && hint) part("announcer").textContent = hint;
    hinted = hint;
    const saying = `${answers().length} ${busy ? "answering" : phase}`;
    if (saying === said) return;
    const first = said === "";
    said = saying;
    if (first) return;
    part("announcer").textContent = SAID[busy ? "answering" : phase] || (latest ? words(latest) : "");
    // Send and Stop take each other's place, and examples go: do not leave the keyboard nowhere
    requestAnimationFrame(() => {
      const focused = document.activeElement;
      if (field() && (!focused || focused === document.body || !focused.checkVisibility())) field().focus();
    });
  }

  function copy(button) {
    const code = button.closest(".code").querySelector("code");
    const told = (word) => { button.textContent = word; part("announcer").textContent = word; };
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => told("Copied"), () => getSelection().selectAllChildren(code));
    else getSelection().selectAllChildren(code); // over plain HTTP a page may not write to the clipboard
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest(".copy")) copy(event.target.closest(".copy"));
    const button = event.target.closest("[data-evidence]");
    if (button) open(button);
    else if (event.target.closest("#evidence-close")) close();
    // beside the sheet is out of it; what was tapped may want the focus
    else if (SHEET.matches && !event.target.closest("#evidence")) close(!event.target.closest("button, input, textarea, summary, a"));
  });
  for (const kind of ["wheel", "touchmove"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.closest("#transcript") && !(event.deltaY > 0)) following = false;
    }, { passive: true });
  }
  document.addEventListener("scroll", (event) => {
    if (event.target !== log()) return;
    const { scrollTop, scrollHeight, clientHeight } = event.target;
    const near = scrollHeight - scrollTop - clientHeight <= NEAR;
    if (scrollTop < top && !near) following = false; // by the keyboard or the scroll bar
    if (scrollTop > top && near) following = true;
    top = scrollTop;
  }, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (["PageUp", "Home", "ArrowUp"].includes(event.key) && event.target !== field()) following = false;
  });
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; look(); });
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-phase", "lang"] });
})();
