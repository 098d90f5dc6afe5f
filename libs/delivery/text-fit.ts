/** Stands where text was cut off, so that a reader sees that there was more. */
export function truncationMark(characters: number): string {
  return `… [truncated, ${characters} characters in all]`;
}

/**
 * The text itself where it fits, else its longest beginning that fits with the mark behind it. No character is cut in two.
 *
 * @param fits whether a text fits; what is shorter than a text that fits must fit as well
 * @returns undefined when not even the mark fits
 */
export function truncateToFit(text: string, fits: (text: string) => boolean): string | undefined {
  if (fits(text)) return text;
  const mark = truncationMark([...text].length);
  if (!fits(mark)) return undefined;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(beginning(text, middle) + mark)) low = middle;
    else high = middle - 1;
  }
  return beginning(text, low) + mark;
}

/** At most `length` UTF-16 units, without half a surrogate pair at the end. */
function beginning(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
