// Names for the parts of the theme that have none, and code that the keyboard can scroll. Checked with axe-core.
const mend = () => {
  document.querySelectorAll('.md-code__nav:not([aria-label])').forEach((nav) => {
    nav.setAttribute('aria-label', `Code block ${[...document.querySelectorAll('pre')].indexOf(nav.closest('pre')) + 1}`);
  });
  document.querySelectorAll('pre > code:not([tabindex]), .md-typeset__scrollwrap:not([tabindex])').forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  });
};
document.querySelector('.md-search')?.setAttribute('aria-label', 'Search');
const counts = {};
document.querySelectorAll('nav.md-nav[aria-label]').forEach((nav) => {
  const label = nav.getAttribute('aria-label');
  counts[label] = (counts[label] ?? 0) + 1;
  if (counts[label] > 1) nav.setAttribute('aria-label', `${label} (${counts[label]})`);
});
document.querySelectorAll('th:empty').forEach((cell) => cell.replaceWith(document.createElement('td')));
// The theme adds and removes parts of code blocks as they come into view.
new MutationObserver(mend).observe(document.body, {subtree: true, childList: true, attributeFilter: ['tabindex']});
mend();
