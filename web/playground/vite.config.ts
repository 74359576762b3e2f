import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The playground is served at `/`, the pages of one's account below `/account/`, and its hashed files under `/assets/`; nothing is inlined, so that the strict CSP holds. */
export default defineConfig({
  root: here('.'),
  base: '/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic' } },
  build: {
    rolldownOptions: { input: [here('index.html'), here('account.html')] },
    outDir: here('../../dist/web/playground'),
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { '/v1': { target: 'http://127.0.0.1:3000', ws: true }, '/playground.json': 'http://127.0.0.1:3000' } },
});
