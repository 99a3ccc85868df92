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

/**
 * @param {XMLHttpRequest} request
 * @param {string} url
 * @returns {UploadAnswer}
 */
const answer = (request, url) => {
  if (request.responseURL !== url)
    return trouble(gettext("You have been signed out. Sign in in another tab, then retry."));
  if (request.response?.outcome) return request.response;
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
 * @param {string} url
 * @param {FormData} body
 * @param {(share: number) => void} progress
 * @returns {Promise<UploadAnswer>}
 */
export const send = (url, body, progress) =>
  new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener(
      "progress",
      (event) => event.lengthComputable && progress(event.loaded / event.total),
    );
    request.addEventListener("load", () => resolve(answer(request, url)));
    request.addEventListener("error", () =>
      resolve(trouble(gettext("The connection was lost, so the file is not uploaded. Retry when you are online."))),
    );
    request.addEventListener("abort", () =>
      resolve(trouble(gettext("The upload was stopped. Retry to send it again."))),
    );
    request.send(body);
  });
