/** Where to read on. */
export function Footer() {
  return (
    <footer className="footer">
      <span>Parley playground</span>
      <nav aria-label="Reference">
        <a href="/docs">API reference</a>
        <a href="/openapi.json">OpenAPI</a>
      </nav>
    </footer>
  );
}
