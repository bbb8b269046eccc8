// The pages there are. api/dashboard/routes.py serves index.html at each of these paths; a test compares the two.
// `nav`: in the navigation bar.

export const PAGES = [
  { name: "live", path: "/", nav: true, load: () => import("./pages/live.js") },
  { name: "overview", path: "/overview", nav: true, load: () => import("./pages/overview.js") },
  { name: "gallery", path: "/gallery", nav: true, load: () => import("./pages/gallery.js") },
  { name: "inspection", path: "/inspections/{id}", load: () => import("./pages/inspection.js") },
  { name: "part", path: "/parts", load: () => import("./pages/part.js") },
  { name: "signin", path: "/signin", load: () => import("./pages/signin.js") },
];
