/** The form in which an e-mail is compared: without spaces around it, NFKC, lower case. */
export function normalisedEmail(email: string): string {
  return email.trim().normalize('NFKC').toLowerCase();
}
