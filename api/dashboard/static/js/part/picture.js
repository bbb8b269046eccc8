// A part's picture as a browser can show it. Of a TIFF, or of 16 bits, that is a preview, which comes with the
// record of an image that is kept: mostly within a fraction of a second of the verdict, so it is asked for again.

const AGAIN_AFTER_MS = [300, 700, 1_500, 3_000];
const NOT_YET = "/problems/no-preview";

/** A decoded image, or null: it is not there (any more), or `signal` ended it. On a slow link pictures that nobody
    waits for any more would pile up otherwise, each before the one that is wanted. */
export async function load(url, signal) {
  const image = new Image();
  const come = new Promise((resolve) => {
    for (const name of ["load", "error"]) image.addEventListener(name, resolve);
    signal.addEventListener("abort", resolve, { once: true });
  });
  image.src = url;
  await come;
  if (signal.aborted) image.src = ""; // without the attribute alone it would be kept
  // Not before it is there: an image whose decode() waits for bytes that never come is kept, too.
  return signal.aborted ? null : image.decode().then(() => image, () => null);
}

/** As `load`, of a preview. Of one that there is not, or not yet: `later()`, then it is asked for again for some
    seconds. */
export async function loadPreview(url, signal, later) {
  const image = await load(url, signal);
  if (image || !(await isMissing(url, signal))) return image;
  later();
  for (const pause of AGAIN_AFTER_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (signal.aborted) return null;
    const made = await load(url, signal);
    if (made) return made;
  }
  return null;
}

/** Into an <img> of a list. `gone()`: there is no picture. */
export function showPreview(image, url, gone) {
  const pauses = [...AGAIN_AFTER_MS];
  image.addEventListener("load", () => { image.style.visibility = ""; });
  image.addEventListener("error", async () => {
    image.style.visibility = "hidden"; // else the browser's sign for a broken one is seen meanwhile
    const pause = image.isConnected && (await isMissing(url)) ? pauses.shift() : undefined;
    if (pause === undefined) gone();
    else setTimeout(() => { if (image.isConnected) image.src = url; }, pause);
  });
  image.src = url;
}

/** Whether the API says that there is no preview: that may change. A picture that has left stays away. */
async function isMissing(url, signal) {
  const answer = await fetch(url, { cache: "no-store", signal }).catch(() => null);
  return answer?.status === 404 && (await answer.json().catch(() => ({}))).type === NOT_YET;
}
