/**
 * Wraps `onText` for a call that goes on from `prefix`. The white space at its end was not sent, so the model gives it again;
 * as much of it as the answer begins with is dropped, since readers have it.
 */
export function withoutShownSpace(prefix: string | undefined, onText: (text: string) => void): (text: string) => void {
  let shown = prefix === undefined ? '' : prefix.slice(prefix.trimEnd().length);
  if (shown === '') return onText;
  return (text) => {
    let same = 0;
    while (same < text.length && same < shown.length && text[same] === shown[same]) same += 1;
    // Less than all of the piece is the same: from here on everything is new.
    shown = same === text.length ? shown.slice(same) : '';
    if (same < text.length) onText(text.slice(same));
  };
}
