import { useState } from 'react';
import { chooseTheme, isDark } from '../state/theme.ts';
import { MoonIcon, SunIcon } from './icons.tsx';

/** Switches between light and dark; the choice is remembered. */
export function ThemeToggle() {
  const [dark, setDark] = useState(isDark);
  const toggle = () => {
    chooseTheme(dark ? 'light' : 'dark');
    setDark(!dark);
  };
  const label = dark ? 'Use the light theme' : 'Use the dark theme';
  return (
    <button type="button" className="icon-button" data-testid="theme-toggle" aria-label={label} title={label} onClick={toggle}>
      {dark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
