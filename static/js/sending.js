// @ts-check
// One request with upload progress, which fetch() cannot report. Resolves always: `again` says that a retry may help.
import { gettext } from "./i18n.js";

/** @param {string} sentence @returns {UploadAnswer} */
const trouble = (sentence) => ({ again: true, sentence });

/** @type {Record<number, string>} */
const SENTENCES = {
  403: gettext("You are not allowed to upload here any more, or the page is too old. Reload the page, then try again."),
  404: gettext("This patient cannot be found any more. Reload the page."),
  413: gettext("The server does not accept a file of this size. Export a smaller one."),
  429: gettext("The server is asked too much at the moment. Wait a little, then retry."),
};

/** @param {string} text @returns {UploadAnswer[]} one for each line; none where it is no JSON */
const answers = (text) => {
  try {
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
};

/**
 * @param {XMLHttpRequest} request
 * @param {string} url
 * @returns {UploadAnswer}
 */
const answer = (request, url) => {
  if (request.responseURL !== new URL(url, document.baseURI).href)
    return trouble(gettext("You have been signed out. Sign in in another tab, then retry."));
  const last = answers(request.responseText.trimEnd().split("\n").at(-1) ?? "").at(0);
  if (last?.outcome || last?.total === 0) return last;
  if (request.status >= 500)
    return trouble(
      gettext("The server could not take the file just now. Retry; if it fails again, tell your administrator."),
    );
  return trouble(
    SENTENCES[request.status] ??
      gettext("The server gave an answer that cannot be read. Reload the page, then try again."),
  );
};

/**
 * Sends one file and resolves with the answer to it. Of an archive every file has an answer: `told` gets each as it
 * comes, after the line that says how many there will be, and what it resolves with is the last of them.
 * @param {string} url
 * @param {FormData} body
 * @param {(share: number) => void} progress
 * @param {(line: UploadAnswer) => void} told
 * @returns {Promise<UploadAnswer>}
 */
export const send = (url, body, progress, told = () => {}) =>
  new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let at = 0;
    const readOn = () => {
      if (!request.getResponseHeader("Content-Type")?.includes("ndjson")) return;
      const end = request.responseText.lastIndexOf("\n") + 1;
      for (const line of answers(request.responseText.slice(at, end))) told(line);
      at = end;
    };
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener(
      "progress",
      (event) => event.lengthComputable && progress(event.loaded / event.total),
    );
    // What somebody sends is a sign of life as long as it goes on: see idle.js.
    request.upload.addEventListener("progress", () => document.dispatchEvent(new Event("sending")));
    request.addEventListener("progress", readOn);
    request.addEventListener("load", () => {
      readOn();
      resolve(answer(request, url));
    });
    request.addEventListener("error", () =>
      resolve({
        ...trouble(gettext("The connection was lost, so the file is not uploaded. Retry when you are online.")),
        lost: true,
      }),
    );
    request.addEventListener("abort", () =>
      resolve(trouble(gettext("The upload was stopped. Retry to send it again."))),
    );
    request.send(body);
  });
