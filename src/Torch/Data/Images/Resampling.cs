namespace Granary.Torch.Data.Images;

/// <summary>How the pixels of a plane become those of a part of it in another size: first along the rows, then along the columns.</summary>
internal sealed class Resampling
{
    private readonly Taps columns, rows;
    private readonly int sourceWidth;

    private Resampling(Taps columns, Taps rows, int sourceWidth) => (this.columns, this.rows, this.sourceWidth) = (columns, rows, sourceWidth);

    public static Resampling Of(PictureCut cut, ImageShape from, ImageShape to) => new(
        Taps.Of(cut.Left, cut.Width, to.Width, from.Width, cut.Mirrored),
        Taps.Of(cut.Top, cut.Height, to.Height, from.Height, mirrored: false),
        from.Width);

    /// <param name="target">Values from -1 to 1.</param>
    public void Run(ReadOnlySpan<byte> source, Span<float> target)
    {
        var (width, first) = (columns.Count, rows.First);
        var narrow = new float[(rows.Last - first + 1) * width];
        for (var y = 0; y * width < narrow.Length; y++)
        {
            var line = source.Slice((first + y) * sourceWidth, sourceWidth);
            for (var x = 0; x < width; x++)
            {
                var sum = 0f;
                foreach (var (pixel, weight) in columns[x])
                {
                    sum += weight * line[pixel];
                }
                narrow[y * width + x] = sum;
            }
        }
        for (var y = 0; y < rows.Count; y++)
        {
            var line = target.Slice(y * width, width);
            line.Clear();
            foreach (var (pixel, weight) in rows[y])
            {
                var from = narrow.AsSpan((pixel - first) * width, width);
                for (var x = 0; x < width; x++)
                {
                    line[x] += weight * from[x];
                }
            }
            for (var x = 0; x < width; x++)
            {
                line[x] = line[x] / 127.5f - 1;
            }
        }
    }

    /// <summary>For each pixel along a side: the source pixels that it is made of, with weights that add up to 1.</summary>
    private sealed class Taps
    {
        private readonly (int Pixel, float Weight)[] taps;
        private readonly int[] starts;

        private Taps(List<(int Pixel, float Weight)> taps, int[] starts)
        {
            (this.taps, this.starts) = ([.. taps], starts);
            (First, Last) = (int.MaxValue, 0);
            foreach (var (pixel, _) in taps)
            {
                (First, Last) = (Math.Min(First, pixel), Math.Max(Last, pixel));
            }
        }

        public int Count => starts.Length - 1;

        public int First { get; }

        public int Last { get; }

        public ReadOnlySpan<(int Pixel, float Weight)> this[int index] => taps.AsSpan(starts[index], starts[index + 1] - starts[index]);

        public static Taps Of(double start, double length, int pixels, int limit, bool mirrored)
        {
            const double Least = 1e-6;
            var step = length / pixels;
            var reach = Math.Max(1, step); // at least as far as the neighbour on either side
            var (taps, starts) = (new List<(int, float)>(), new int[pixels + 1]);
            for (var i = 0; i < pixels; i++)
            {
                var centre = start + ((mirrored ? pixels - 1 - i : i) + 0.5) * step - 0.5;
                var (from, to) = ((int)Math.Ceiling(centre - reach), (int)Math.Floor(centre + reach));
                double WeightOf(int pixel) => 1 - Math.Abs(pixel - centre) / reach;
                var sum = 0.0;
                for (var pixel = from; pixel <= to; pixel++)
                {
                    sum += WeightOf(pixel);
                }
                for (var pixel = from; pixel <= to; pixel++)
                {
                    if (WeightOf(pixel) > Least)
                    {
                        taps.Add((Math.Clamp(pixel, 0, limit - 1), (float)(WeightOf(pixel) / sum)));
                    }
                }
                starts[i + 1] = taps.Count;
            }
            return new(taps, starts);
        }
    }
}
