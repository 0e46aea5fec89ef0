// Writes that the database has refused: look, correct and send again, or discard.
import {call, json} from "./client.js";
import {confirmed, h, note, replace, say, shown} from "./dom.js";

export async function show(page) {
  const list = h("div", {id: "rejections"});
  const trouble = h("div", {id: "trouble"});

  async function load(after) {
    try {
      const said = await json(`/rejections${after ? `?after=${after}` : ""}`);
      replace(list, ...(said.rejections.length ? said.rejections.map((each) => entry(each, load))
        : [note("No rejected write is open.", "good")]),
      ...(said.next ? [h("button", {type: "button", id: "next", onclick: () => load(said.next)}, "Next page")] : []));
      trouble.replaceChildren();
    } catch (failure) {
      replace(list);
      trouble.replaceChildren(note(failure.message, "bad"));
    }
  }
  page.append(h("h2", {}, "Rejected writes"), trouble,
    h("p", {}, h("button", {type: "button", id: "again", onclick: () => load()}, "Load again")), list);
  await load();
}

function entry(said, load) {
  const outcome = h("div");
  const path = `/rejections/${said.position}`;
  const id = `body-${said.position}`;
  const body = h("textarea", {id, spellcheck: "false", value: said.body ?? ""});

  async function act(send, text) {
    try {
      const answer = await send();
      say(text);
      await load();
      return answer;
    } catch (failure) {
      const errors = (failure.problem?.errors ?? []).map(({pointer, detail}) => ` ${pointer}: ${detail}`).join(";");
      outcome.replaceChildren(note(`${failure.message}${errors}${failure.problem?.error ? ` ${failure.problem.error}` : ""}`, "bad"));
      return null;
    }
  }

  const requeue = () => act(() => call(`${path}/requeue`, {method: "POST", body: body.value === (said.body ?? "") ? undefined : body.value,
    headers: body.value === (said.body ?? "") ? {} : {"Content-Type": "application/json"}}), "Sent again.");

  async function discard() {
    if (await confirmed(`Discard the rejected write ${said.position} of ${said.collection}/${shown(said.key, 60)}?`, "Discard"))
      await act(() => call(path, {method: "DELETE"}), "Discarded.");
  }

  return h("article", {class: "note rejection"}, h("h3", {}, `${said.collection}/${shown(said.key, 60)}: ${said.reason}`),
    h("dl", {}, [["position", said.position], ["operation", said.op], ["why", said.detail], ["accepted", said.accepted_at],
      ["rejected", said.rejected_at]].flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value ?? "–"))])),
    h("label", {for: id}, "The document that was sent"), body, outcome,
    h("p", {class: "row"}, h("button", {type: "button", class: "main", onclick: requeue}, "Send it again"),
      h("button", {type: "button", class: "danger", onclick: discard}, "Discard")));
}
