/** What a link brings after its `#`, by name. Taken out of the address bar at once: it is not to be kept in the history or copied on. */
export function takeSecrets(): ReadonlyMap<string, string> {
  const secrets = new Map(new URLSearchParams(location.hash.slice(1)));
  if (secrets.size > 0) history.replaceState(null, '', location.pathname + location.search);
  return secrets;
}
