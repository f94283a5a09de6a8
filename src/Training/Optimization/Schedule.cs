namespace Granary.Training.Optimization;

/// <summary>
/// How the learning rate goes over a run: a factor for every step, at most 1. Each schedule may begin with a warm-up, over which it rises
/// linearly. Made of additions, products and square roots only: the same bits on every machine.
/// </summary>
public static class Schedule
{
    /// <summary>1, all the time.</summary>
    public const string Constant = "constant";

    /// <summary>A tenth after a half of the run, a hundredth after three quarters (He et al., 2016).</summary>
    public const string Step = "step";

    /// <summary>Linearly towards 0 at the run's end.</summary>
    public const string Linear = "linear";

    /// <summary>Along half a cosine towards 0 at the run's end (Loshchilov and Hutter, 2017).</summary>
    public const string Cosine = "cosine";

    /// <summary>Up from 1/25 over the first three tenths of the run, or over the warm-up, and down to 1/250,000, both along a cosine (Smith and Topin, 2018, as PyTorch has it).</summary>
    public const string OneCycle = "one-cycle";

    /// <summary>Falls as one over the root of the steps made, from the end of the warm-up on (Vaswani et al., 2017).</summary>
    public const string InverseSquareRoot = "inverse-square-root";

    private const double FirstOfCycle = 1 / 25d, LastOfCycle = 1 / 250_000d, RisingPart = 0.3;

    /// <summary>Whether a step's rate depends on how many steps there will be.</summary>
    public static bool DependsOnEnd(string schedule) => schedule is not (Constant or InverseSquareRoot);

    /// <param name="warmUp">Steps over which the rate rises; 0: none.</param>
    /// <param name="step">From 0 to below <paramref name="totalSteps"/>.</param>
    /// <exception cref="ArgumentException">There is no such schedule.</exception>
    public static double Factor(string schedule, long warmUp, long step, long totalSteps)
    {
        if (schedule == OneCycle)
        {
            return Cycle(warmUp > 0 ? warmUp : Math.Max(1, RisingPart * totalSteps), step, totalSteps);
        }
        if (step < warmUp)
        {
            return (step + 1d) / warmUp;
        }
        var done = (double)(step - warmUp) / Math.Max(1, totalSteps - warmUp);
        return schedule switch
        {
            Constant => 1,
            Step => done < 0.5 ? 1 : done < 0.75 ? 0.1 : 0.01,
            Linear => 1 - done,
            Cosine => (1 + CosineOfPi(done)) / 2,
            InverseSquareRoot => Math.Sqrt(Math.Max(1, warmUp) / (step + 1d)),
            _ => throw new ArgumentException($"No schedule is named '{schedule}'."),
        };
    }

    private static double Cycle(double rising, long step, long totalSteps)
    {
        var top = rising - 1;
        return step <= top
            ? Between(FirstOfCycle, 1, top > 0 ? step / top : 1)
            : Between(1, LastOfCycle, Math.Min(1, (step - top) / Math.Max(1, totalSteps - 1 - top)));
    }

    private static double Between(double from, double to, double part) => to + (from - to) * (1 + CosineOfPi(part)) / 2;

    /// <summary>cos(pi part) for a part of 0 to 1, by its series: the C library's cosine may differ from machine to machine.</summary>
    private static double CosineOfPi(double part)
    {
        if (part > 0.5)
        {
            return -CosineOfPi(1 - part);
        }
        double square = Math.PI * part * (Math.PI * part), sum = 1, term = 1;
        for (var i = 1; i < 20; i += 2)
        {
            term *= -square / (i * (i + 1));
            sum += term;
        }
        return sum;
    }
}
