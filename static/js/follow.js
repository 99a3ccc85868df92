// @ts-check
// Lists of scans follow their open analyses by themselves.
import { following } from "./following.js";

following.start();
document.addEventListener("fragment:ready", () => following.start());
