import type { ReactNode } from 'react';

function icon(children: ReactNode) {
  return function Icon() {
    return (
      <svg
        className="icon"
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {children}
      </svg>
    );
  };
}

export const SendIcon = icon(<path d="M12 19V5m-6 6 6-6 6 6" />);
export const StopIcon = icon(<rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" stroke="none" />);
export const CopyIcon = icon(
  <>
    <rect x="9" y="9" width="11" height="11" rx="2.5" />
    <path d="M5.500 15A1.500 1.500 0 0 1 4 13.500V6a2 2 0 0 1 2-2h7.500A1.500 1.500 0 0 1 15 5.500" />
  </>,
);
export const CheckIcon = icon(<path d="m5 12.500 4.500 4.500L19 7.500" />);
export const RedoIcon = icon(<path d="M20 5v5h-5M19.600 10a8 8 0 1 0 .2 4.500" />);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const ComposeIcon = icon(
  <>
    <path d="M13 4.500H7A2.500 2.500 0 0 0 4.500 7v10A2.500 2.500 0 0 0 7 19.500h10a2.500 2.500 0 0 0 2.500-2.500v-6" />
    <path d="M17.700 3.900a1.700 1.700 0 0 1 2.400 2.400L13 13.400l-3.200.8.8-3.200z" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v1.500M12 19.500V21M3 12h1.500M19.500 12H21M5.600 5.600l1.100 1.100M17.300 17.300l1.100 1.100M5.600 18.400l1.100-1.100M17.300 6.700l1.100-1.100" />
  </>,
);
export const MoonIcon = icon(<path d="M20 14.200A8.200 8.200 0 0 1 9.800 4 8.200 8.200 0 1 0 20 14.200Z" />);
export const BackIcon = icon(<path d="M14.500 6 8.500 12l6 6" />);
export const DownIcon = icon(<path d="M12 5v14m-6-6 6 6 6-6" />);
export const AlertIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="M12 8v4.500M12 15.800v.2" />
  </>,
);

/** The product's mark. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect className="mark-ground" width="32" height="32" rx="9" />
      <path className="mark-voice" d="M8 13.500A5.500 5.500 0 0 1 13.500 8h3a5.500 5.500 0 0 1 0 11H12l-4 3.500z" />
      <circle className="mark-reply" cx="22.500" cy="21.500" r="3.500" />
    </svg>
  );
}
