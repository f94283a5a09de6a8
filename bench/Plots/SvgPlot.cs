using System.Globalization;
using System.Text;

namespace Granary.Bench.Plots;

/// <summary>Values of several series over a few named places: as lines, or as bars.</summary>
internal sealed class SvgPlot(string title, string unit, IReadOnlyList<string> places, bool logarithmic = false)
{
    private const int Width = 780, Height = 420, Left = 70, Right = 210, Top = 50, Bottom = 50;
    private static readonly string[] colours = ["#1b6ca8", "#d1495b", "#3a7d44", "#edae49", "#6a4c93", "#00798c", "#8d5524"];
    private readonly List<(string Name, IReadOnlyList<double?> Values)> series = [];

    /// <param name="values">One for each place; <see langword="null"/>: not measured there.</param>
    public void Add(string name, IReadOnlyList<double?> values) => series.Add((name, values));

    public string Lines() => Draw((svg, scale) =>
    {
        for (var number = 0; number < series.Count; number++)
        {
            var points = series[number].Values.Select((value, place) => (value, place)).Where(point => point.value is not null)
                .Select(point => (X: Centre(point.place), Y: scale(point.value!.Value))).ToList();
            svg.Append(Invariant($"""<polyline fill="none" stroke="{Colour(number)}" stroke-width="2.5" points="{string.Join(' ', points.Select(point => Invariant($"{point.X:F1},{point.Y:F1}")))}"/>"""));
            points.ForEach(point => svg.Append(Invariant($"""<circle cx="{point.X:F1}" cy="{point.Y:F1}" r="4" fill="{Colour(number)}"/>""")));
        }
    });

    public string Bars() => Draw((svg, scale) =>
    {
        var room = (double)(Width - Left - Right) / places.Count * 0.8;
        var width = room / series.Count;
        for (var number = 0; number < series.Count; number++)
        {
            for (var place = 0; place < places.Count; place++)
            {
                if (series[number].Values[place] is { } value)
                {
                    var x = Centre(place) - room / 2 + number * width;
                    svg.Append(Invariant($"""<rect x="{x:F1}" y="{scale(value):F1}" width="{width - 2:F1}" height="{Height - Bottom - scale(value):F1}" fill="{Colour(number)}"/>"""));
                    svg.Append(Invariant($"""<text x="{x + width / 2 - 1:F1}" y="{scale(value) - 4:F1}" text-anchor="middle" font-size="11">{value:N0}</text>"""));
                }
            }
        }
    });

    private string Draw(Action<StringBuilder, Func<double, double>> draw)
    {
        var all = series.SelectMany(one => one.Values).OfType<double>().ToList();
        var (low, high) = logarithmic ? (Math.Pow(10, Math.Floor(Math.Log10(all.Min()))), Math.Pow(10, Math.Ceiling(Math.Log10(all.Max())))) : (0, all.Max() * 1.1);
        double Share(double value) => logarithmic ? Math.Log(value / low) / Math.Log(high / low) : value / high;
        double Scale(double value) => Height - Bottom - Share(value) * (Height - Top - Bottom);
        var svg = new StringBuilder(Invariant($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="13"><rect width="{Width}" height="{Height}" fill="white"/>"""));
        svg.Append(Invariant($"""<text x="{Left}" y="28" font-size="16" font-weight="bold">{title}</text><text x="16" y="{Top - 8}" font-size="12">{unit}</text>"""));
        foreach (var tick in Ticks(low, high))
        {
            svg.Append(Invariant($"""<line x1="{Left}" x2="{Width - Right}" y1="{Scale(tick):F1}" y2="{Scale(tick):F1}" stroke="#ddd"/><text x="{Left - 8}" y="{Scale(tick) + 4:F1}" text-anchor="end">{tick:#,0.##}</text>"""));
        }
        for (var place = 0; place < places.Count; place++)
        {
            svg.Append(Invariant($"""<text x="{Centre(place):F1}" y="{Height - Bottom + 22}" text-anchor="middle">{places[place]}</text>"""));
        }
        draw(svg, Scale);
        for (var number = 0; number < series.Count; number++)
        {
            var y = Top + 16 + number * 22;
            svg.Append(Invariant($"""<rect x="{Width - Right + 14}" y="{y - 10}" width="12" height="12" fill="{Colour(number)}"/><text x="{Width - Right + 32}" y="{y}" font-size="12">{series[number].Name}</text>"""));
        }
        return svg.Append("</svg>\n").ToString();
    }

    private IEnumerable<double> Ticks(double low, double high)
    {
        if (logarithmic)
        {
            for (var tick = low; tick <= high * 1.001; tick *= 10)
            {
                yield return tick;
            }
            yield break;
        }
        var step = Math.Pow(10, Math.Floor(Math.Log10(high)));
        step = high / step < 2 ? step / 5 : high / step < 5 ? step / 2 : step;
        for (var tick = 0.0; tick <= high; tick += step)
        {
            yield return tick;
        }
    }

    private double Centre(int place) => Left + (place + 0.5) * (Width - Left - Right) / places.Count;

    private static string Colour(int number) => colours[number % colours.Length];

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
