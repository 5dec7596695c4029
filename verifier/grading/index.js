// Sorts the table by a column, and hides the rows that the filter doesn't mean.
{
  const table = document.getElementById("grades");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const form = document.getElementById("filter");

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value ?? cell.textContent;
  };

  const compare = (one, other) => {
    const numbers = [Number(one), Number(other)];
    return numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
  };

  const sort = (button) => {
    const head = button.closest("th");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const one of head.parentElement.cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const column = Number(button.dataset.sort);
    const sign = down ? -1 : 1;
    rows.sort((one, other) => sign * compare(value(one, column), value(other, column)));
    body.append(...rows);
  };

  const filter = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const verdict = form.elements.verdict.value;
    for (const row of rows) {
      const fits = !verdict || row.dataset.verdict === verdict;
      row.hidden = !(fits && row.textContent.toLowerCase().includes(text));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    document.getElementById("shown").textContent = `${shown} of ${rows.length} shown`;
  };

  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button));
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
}
