/** Reads JSON from a storage; anything unreadable counts as absent. */
export function readJson(storage: () => Storage, key: string): unknown {
  try {
    const text = storage().getItem(key);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes JSON (undefined removes). A full or refused storage is not an error: the page then forgets at reload. */
export function writeJson(storage: () => Storage, key: string, value: unknown): void {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // See above.
  }
}
