// The parts of Chart.js that static/js/charts.js draws with.
import {
  BarController, BarElement, CategoryScale, Chart, LineController, LineElement, LinearScale,
  PointElement, ScatterController, Tooltip,
} from "chart.js";

Chart.register(
  BarController, BarElement, CategoryScale, LineController, LineElement, LinearScale, PointElement,
  ScatterController, Tooltip,
);
window.Chart = Chart;
