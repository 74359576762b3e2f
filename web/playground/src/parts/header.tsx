import type { ReactNode } from 'react';
import { Mark } from './icons.tsx';
import { ThemeToggle } from './theme-toggle.tsx';

/** The bar on top: on the left where one is, on the right what one can do. */
export function Header({ children, actions }: { children?: ReactNode; actions?: ReactNode }) {
  return (
    <header className="header">
      <div className="header-start">
        {children ?? (
          <span className="brand">
            <Mark />
            Parley
          </span>
        )}
      </div>
      <div className="header-end">
        {actions}
        <ThemeToggle />
      </div>
    </header>
  );
}
