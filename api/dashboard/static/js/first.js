// Before the first paint, so that nobody in a dim hall sees a white flash: the theme that was chosen here.
// The one script that is no module: modules wait until the page is read.
{
  const chosen = localStorage.getItem("inspector.theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}
