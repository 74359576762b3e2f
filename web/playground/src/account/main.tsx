import { createRoot } from 'react-dom/client';
import { applyTheme, storedTheme } from '../state/theme.ts';
import { AccountApp } from './account-app.tsx';
import { takeSecrets } from './link-secrets.ts';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/controls.css';
import '../styles/shell.css';
import './account.css';

applyTheme(storedTheme());

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(<AccountApp page={location.pathname.replace(/\/+$/, '').split('/').at(-1) ?? ''} secrets={takeSecrets()} />);
