//! Tables on the terminal, in Markdown and as bars in SVG.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, Table as Grid, TableStyle, presets,
};
use minijinja::{Environment, Value, context};

/// One table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its title.
    pub title: String,
    /// What its columns mean, in a sentence or two.
    pub note: String,
    /// The columns' names; the first is the row's.
    pub columns: Vec<String>,
    /// The rows' cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    #[must_use]
    pub fn new(title: &str, note: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        Self { title: title.to_owned(), note: note.to_owned(), columns, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<T: ToString, const N: usize>(&mut self, cells: [T; N]) {
        self.rows.push(cells.iter().map(ToString::to_string).collect());
    }

    fn grid(&self, style: TableStyle) -> Grid {
        let mut grid = Grid::new();
        grid.load_style(style).set_header(&self.columns).add_rows(&self.rows);
        grid.set_content_arrangement(ContentArrangement::Disabled);
        for column in grid.column_iter_mut() {
            column.set_constraint(ColumnConstraint::ContentWidth);
            column.set_cell_alignment(CellAlignment::Right);
        }
        if let Some(first) = grid.column_mut(0) {
            first.set_cell_alignment(CellAlignment::Left);
        }
        grid
    }
}

/// One bar of a plot.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// Its length.
    pub value: f64,
}

/// Bars, and a line where the goal is.
#[derive(Debug, Clone)]
pub struct Plot {
    /// Its file's name, without `.svg`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Where the goal is, if there is one.
    pub goal: Option<f64>,
    /// The bars.
    pub bars: Vec<Bar>,
}

impl Plot {
    /// An empty one.
    #[must_use]
    pub fn new(name: &str, title: &str, goal: Option<f64>) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), goal, bars: Vec::new() }
    }

    /// Adds a bar.
    pub fn bar(&mut self, label: impl Into<String>, value: f64) {
        self.bars.push(Bar { label: label.into(), value });
    }
}

/// What one part found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its plots.
    pub plots: Vec<Plot>,
}

impl Report {
    /// Prints the tables, and writes `part.md` and the plots into `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn publish(&self, part: &str, origin: &str, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut markdown = format!("# {part}\n\n{origin}; {}\n", machine());
        for table in &self.tables {
            let Table { title, note, .. } = table;
            println!("\n{title}\n{note}\n{}", table.grid(presets::UTF8_HORIZONTAL_ONLY));
            let grid = table.grid(presets::ASCII_MARKDOWN);
            markdown.push_str(&format!("\n## {title}\n\n{note}\n\n{grid}\n"));
        }
        for plot in &self.plots {
            let path = folder.join(format!("{}.svg", plot.name));
            fs::write(&path, svg(plot)?).with_context(|| path.display().to_string())?;
            markdown.push_str(&format!("\n![{}]({}.svg)\n", plot.title, plot.name));
        }
        let path = folder.join(format!("{part}.md"));
        fs::write(&path, markdown).with_context(|| path.display().to_string())?;
        println!("\nwritten: {}", path.display());
        Ok(())
    }
}

/// Bars to the right of their labels, which take as much room as they need.
fn svg(plot: &Plot) -> anyhow::Result<String> {
    let longest = plot.bars.iter().map(|bar| bar.value).chain(plot.goal).fold(0.0, f64::max);
    let bar = |Bar { label, value }: &Bar| {
        let shown = if longest < 20.0 { format!("{value:.2}") } else { format!("{value:.1}") };
        context! { label => label.clone(), value => value, shown => shown }
    };
    let widest = plot.bars.iter().map(|bar| bar.label.chars().count()).max();
    let bars: Vec<Value> = plot.bars.iter().map(bar).collect();
    let values = context! {
        title => plot.title.clone(),
        goal => plot.goal,
        bars => bars,
        // Of 13 pixels in height, a letter is seldom wider than 7.5.
        left => 20 + widest.unwrap_or_default() * 15 / 2,
        height => 76 + plot.bars.len() * 24,
        longest => longest.max(f64::MIN_POSITIVE),
    };
    Ok(Environment::new().render_str(include_str!("report/bars.svg.jinja"), values)?)
}

/// The processor and how many of it, for the tables' captions.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{count} cores of {}", name.map_or("an unknown processor", |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_its_bars_and_its_goal() {
        let mut plot = Plot::new("speed", "as fast & small", Some(1.3));
        plot.bar("a -> b", 1.0);
        plot.bar("b", 2.6);
        let svg = svg(&plot).unwrap();
        for part in ["as fast &amp; small", "a -&gt; b", ">2.60<", "goal 1.3", r#"width="430.0""#] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
    }
}
