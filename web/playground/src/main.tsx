import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { applyTheme, storedTheme } from './state/theme.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';
import './styles/welcome.css';
import './styles/chat.css';
import './styles/prose.css';

applyTheme(storedTheme());
// A single sign-on comes back here unless its page has said where to.
if (location.hash.startsWith('#sso_')) location.replace(`/account/sign-in${location.hash}`);

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(<App />);
