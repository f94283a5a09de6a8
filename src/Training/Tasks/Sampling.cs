using Granary.Training.Randomness;

namespace Granary.Training.Tasks;

/// <summary>How a token is chosen from what a model holds likely.</summary>
/// <param name="Temperature">Below 1 what is likely becomes likelier, above 1 less so; 0: always the likeliest. Default: 1, as the model says.</param>
/// <param name="TopK">Only among so many of the likeliest; 0, the default: among all.</param>
/// <param name="TopP">Only among the likeliest that have this probability together (Holtzman et al., 2020). Default: 1, among all.</param>
public sealed record Sampling(double Temperature = 1, int TopK = 0, double TopP = 1)
{
    /// <summary>The number of what is drawn.</summary>
    /// <param name="odds">Each at least 0; they need not add up to 1. Changed.</param>
    public int Draw(Span<float> odds, ref StepRandom random)
    {
        if (Temperature == 0)
        {
            return IndexOfMax(odds);
        }
        if (Temperature != 1)
        {
            var highest = odds[IndexOfMax(odds)];
            foreach (ref var odd in odds)
            {
                odd = (float)Math.Pow(odd / highest, 1 / Temperature);
            }
        }
        if (TopK > 0 || TopP < 1)
        {
            Cut(odds);
        }
        var (left, drawn) = (Sum(odds) * random.NextDouble(), 0);
        for (var i = 0; i < odds.Length; i++)
        {
            if (odds[i] > 0)
            {
                drawn = i;
                if ((left -= odds[i]) < 0)
                {
                    break;
                }
            }
        }
        return drawn;
    }

    private void Cut(Span<float> odds)
    {
        var (order, values) = (new int[odds.Length], new float[odds.Length]);
        for (var i = 0; i < odds.Length; i++)
        {
            (order[i], values[i]) = (i, -odds[i]);
        }
        Array.Sort(values, order);
        var (kept, enough) = (0d, Sum(odds) * TopP);
        for (var place = 0; place < order.Length; place++)
        {
            // The one that makes it enough is kept, too; of top-k and top-p, whichever cuts more.
            if (place > 0 && (kept >= enough || place == TopK))
            {
                odds[order[place]] = 0;
                enough = kept;
                continue;
            }
            kept += odds[order[place]];
        }
    }

    private static int IndexOfMax(Span<float> odds)
    {
        var highest = 0;
        for (var i = 1; i < odds.Length; i++)
        {
            highest = odds[i] > odds[highest] ? i : highest;
        }
        return highest;
    }

    private static double Sum(Span<float> odds)
    {
        var sum = 0d;
        foreach (var odd in odds)
        {
            sum += odd;
        }
        return sum;
    }
}
