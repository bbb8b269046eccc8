// The attention map in colour: grey 0-255 in, transparent where the network does not look.

// Five stops from the field's usual dark-to-light heat scale; monotone in lightness, so it reads without hue.
const STOPS = [[59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];

const COLOURS = Array.from({ length: 256 }, (_, level) => colourOf(level / 255));

function colourOf(value) {
  const at = value * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[low].map((from, channel) => Math.round(from + (STOPS[low + 1][channel] - from) * (at - low)));
}

/** Draws a grey map image into a canvas of its own size; CSS stretches it over the whole field of view. */
export function paintHeat(canvas, map) {
  canvas.width = map.naturalWidth;
  canvas.height = map.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(map, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const level = pixels.data[at];
    pixels.data.set(COLOURS[level], at);
    pixels.data[at + 3] = level;
  }
  context.putImageData(pixels, 0, 0);
}
