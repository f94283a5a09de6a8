// Runs before the first paint, so that a page that is kept dark does not flash white.
try {
  const kept = localStorage.getItem('theme');
  if (kept) document.documentElement.dataset.theme = kept;
} catch {
  // A browser that keeps nothing for this page follows the system's theme.
}
