// The evidence panel, announcements and focus of the web chat. Messages are redrawn while they grow, so nothing is kept in their nodes.
(() => {
  const BUSY = ["searching", "reading", "answering"];
  const SAID = {
    answering: "Answering", answered: "Answer finished", abstained: "Not in the documents", stopped: "Stopped",
    refused: "The question has to be changed", failed: "No answer",
  };
  const part = (id) => document.getElementById(id);
  const answers = () => [...document.querySelectorAll("#transcript .answer")];
  let opener = null; // which answer, which key: the button itself may be redrawn
  let said = "";

  function open(button) {
    const answer = button.closest(".answer");
    const key = button.dataset.evidence;
    const evidence = answer.querySelector(`.evidence[data-key="${key}"]`);
    if (!evidence) return;
    opener = { answer: answers().indexOf(answer), key, kind: button.className };
    part("evidence-body").replaceChildren(...evidence.cloneNode(true).childNodes);
    part("evidence").hidden = false;
    document.body.classList.add("evidence-open");
    part("evidence").focus();
    part("evidence-body").scrollTop = 0;
    part("evidence-body").querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  function close() {
    if (!part("evidence") || part("evidence").hidden) return;
    part("evidence").hidden = true;
    document.body.classList.remove("evidence-open");
    const answer = opener && answers()[opener.answer];
    const back = answer && [...answer.querySelectorAll(`[data-evidence="${opener.key}"]`)].find((b) => b.className === opener.kind);
    (back || field()).focus();
  }

  const field = () => document.querySelector("#question textarea, #question input");

  function look() {
    const latest = answers().at(-1);
    const phase = latest ? latest.dataset.phase : "";
    const log = document.querySelector("#transcript [role=log]");
    if (log) log.setAttribute("aria-busy", String(BUSY.includes(phase)));
    // Gradio labels each message with its source text, which here is HTML
    for (const message of document.querySelectorAll("#transcript [data-testid][aria-label]")) message.removeAttribute("aria-label");
    if (!latest) close();
    const saying = `${answers().length} ${BUSY.includes(phase) ? "answering" : phase}`;
    if (saying === said || !part("announcer")) return;
    const first = said === "";
    said = saying;
    if (first) return;
    part("announcer").textContent = SAID[saying.split(" ")[1]] || "";
    // Send and Stop take each other's place, and examples go: do not leave the keyboard nowhere
    requestAnimationFrame(() => {
      const focused = document.activeElement;
      if (field() && (!focused || focused === document.body || !focused.checkVisibility())) field().focus();
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-evidence]");
    if (button) open(button);
    else if (event.target.closest("#evidence-close")) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; look(); });
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-phase"] });
})();
