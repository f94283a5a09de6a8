using Granary.Grains.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Granary.Cluster.Tests.Telemetry;

public sealed class RunSeriesTests
{
    // More than OpenTelemetry has room for in one instrument.
    private const int Runs = 2500;

    [Fact]
    public void Series_OfMoreRunsThanAnInstrumentHasRoomFor_ComeAndGoWithThem()
    {
        var losses = new Losses();
        using var reader = new BaseExportingMetricReader(losses);
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter(TrainingInstruments.Name).AddReader(reader).Build();
        using var lasting = RunSeries.OfProcess.Begin(new("task", "lm"), new("run.id", "lasts"));
        lasting[RunGauge.Loss] = 1;
        for (var run = 0; run < Runs; run++)
        {
            using var ending = RunSeries.OfProcess.Begin(new("task", "lm"), new("run.id", $"ends-{run}"));
            ending[RunGauge.Loss] = run;
            reader.Collect();
            Assert.Equal((1, run), (losses.OfRun.GetValueOrDefault("lasts", -1), losses.OfRun.GetValueOrDefault($"ends-{run}", -1)));
            Assert.DoesNotContain($"ends-{run - 1}", losses.OfRun);
        }
        reader.Collect();
        Assert.Contains("lasts", losses.OfRun);
        Assert.DoesNotContain(losses.OfRun.Keys, run => run.StartsWith("ends-", StringComparison.Ordinal));
    }

    private sealed class Losses : BaseExporter<Metric>
    {
        public Dictionary<string, double> OfRun { get; } = [];

        public override ExportResult Export(in Batch<Metric> batch)
        {
            OfRun.Clear();
            foreach (var metric in batch)
            {
                if (metric.Name == "training.loss")
                {
                    foreach (ref readonly var point in metric.GetMetricPoints())
                    {
                        Add(point);
                    }
                }
            }
            return ExportResult.Success;
        }

        private void Add(in MetricPoint point)
        {
            var run = "";
            foreach (var (tag, value) in point.Tags)
            {
                run = tag == "run.id" ? (string)value! : run;
            }
            OfRun[run] = point.GetGaugeLastValueDouble();
        }
    }
}
