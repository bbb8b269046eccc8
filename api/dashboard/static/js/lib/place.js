// A part's name where there is little room: its end, which is what differs from the part before.

export function shortened(name, most) {
  return name.length > most ? `…${name.slice(-(most - 1))}` : name;
}
