using Granary.Training.Optimization;

namespace Granary.Training.Tests;

public sealed class ScheduleTests
{
    private const long Total = 100;

    [Theory]
    [InlineData(Schedule.Constant, 0, 1, 1, 1)]
    [InlineData(Schedule.Step, 0, 1, 0.1, 0.01)]
    [InlineData(Schedule.Linear, 0, 1, 0.5, 0.01)]
    [InlineData(Schedule.Cosine, 0, 1, 0.5, 2.4671981713422146e-4)]
    [InlineData(Schedule.OneCycle, 0, 0.04, 0.79389345, 4e-6)]
    [InlineData(Schedule.InverseSquareRoot, 0, 1, 0.14002801, 0.1)]
    [InlineData(Schedule.Cosine, 10, 0.1, 0.5868240888334652, 3.0458649045211894e-4)]
    [InlineData(Schedule.InverseSquareRoot, 10, 0.1, 0.4428074, 0.31622777)]
    public void Factor_AtTheBeginningTheMiddleAndTheEnd(string schedule, long warmUp, double first, double middle, double last)
    {
        Assert.Equal(first, Schedule.Factor(schedule, warmUp, 0, Total), tolerance: 1e-7);
        Assert.Equal(middle, Schedule.Factor(schedule, warmUp, Total / 2, Total), tolerance: 1e-7);
        Assert.Equal(last, Schedule.Factor(schedule, warmUp, Total - 1, Total), tolerance: 1e-7);
    }

    [Fact]
    public void Cosine_IsThatOfTheLibrary()
    {
        for (var step = 0; step < 1000; step++)
        {
            Assert.Equal((1 + Math.Cos(Math.PI * step / 1000)) / 2, Schedule.Factor(Schedule.Cosine, 0, step, 1000), tolerance: 1e-15);
        }
    }

    [Fact]
    public void Cycle_IsThatOfTorchOptim()
    {
        // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=100), as its documentation defines it.
        double Of(double from, double to, double part) => to + (from - to) / 2 * (1 + Math.Cos(Math.PI * part));
        for (var step = 0; step < 100; step++)
        {
            var expected = step <= 29 ? Of(1 / 25d, 1, step / 29d) : Of(1, 1 / 25d / 1e4, (step - 29) / 70d);
            Assert.Equal(expected, Schedule.Factor(Schedule.OneCycle, 0, step, 100), tolerance: 1e-12);
        }
    }

    [Theory]
    [InlineData(Schedule.Constant)]
    [InlineData(Schedule.Step)]
    [InlineData(Schedule.Linear)]
    [InlineData(Schedule.Cosine)]
    [InlineData(Schedule.OneCycle)]
    [InlineData(Schedule.InverseSquareRoot)]
    public void Factor_IsAboveZeroAndAtMostOne_OfWhateverLength(string schedule)
    {
        foreach (var (warmUp, total) in new (long, long)[] { (0, 1), (1, 1), (5, 3), (0, 2), (3, 1000), (1000, 1000) })
        {
            for (var step = 0L; step < total; step++)
            {
                Assert.InRange(Schedule.Factor(schedule, warmUp, step, total), double.Epsilon, 1);
            }
        }
    }
}
