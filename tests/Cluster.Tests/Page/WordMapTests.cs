using System.Net;
using Granary.Bench.Pages;
using Granary.Silo;
using Granary.Silo.Page;

namespace Granary.Cluster.Tests.Page;

/// <summary>Where the words of a model lie.</summary>
public class WordMapTests
{
    [Fact]
    public void Plane_IsThatInWhichPointsLieFurthestApart()
    {
        var random = new Random(1);
        // An ellipse in a space of 50 dimensions, along two directions at a right angle, away from the origin, and some noise.
        var (a, b) = (Direction(i => i % 2), Direction(i => (i + 1) % 2));
        (double Long, double Short)[] places = [.. Enumerable.Range(0, 500).Select(_ => (10 * (random.NextDouble() - 0.5), 3 * (random.NextDouble() - 0.5)))];
        float[][] points = [.. places.Select(place => Enumerable.Range(0, 50).Select(i => (float)(5 + place.Long * a[i] + place.Short * b[i] + 0.01 * random.NextDouble())).ToArray())];
        var (x, y) = PrincipalPlane.Of(points);

        Assert.InRange(Math.Abs(Correlation(x, [.. places.Select(place => place.Long)])), 0.99, 1);
        Assert.InRange(Math.Abs(Correlation(y, [.. places.Select(place => place.Short)])), 0.99, 1);
        Assert.Equal((0, 0), (x.Average(), y.Average()), (one, other) => Math.Abs(one.Item1 - other.Item1) + Math.Abs(one.Item2 - other.Item2) < 1e-4);
        Assert.Equal(x, PrincipalPlane.Of(points).X);

        double[] Direction(Func<int, double> along) => [.. Enumerable.Range(0, 50).Select(i => along(i) / 5)];
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 3)]
    [InlineData(4, 1)]
    public void Plane_OfFewPointsOrDimensions_IsOfNumbers(int points, int dimension)
    {
        var (x, y) = PrincipalPlane.Of([.. Enumerable.Range(0, points).Select(point => Enumerable.Repeat((float)point, dimension).ToArray())]);
        Assert.Equal((points, points), (x.Length, y.Length));
        Assert.All(x.Concat(y), value => Assert.True(double.IsFinite(value)));
    }

    [Fact]
    public async Task Page_ShowsTheWordsOfANewCheckpoint()
    {
        var folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
        try
        {
            var text = Path.Combine(folder, "text.txt");
            File.WriteAllText(text, string.Concat(Enumerable.Range(1, 2000).Select(number => $"w{number * number % 31} ")));
            var trained = await CommandLine.RunAsync("train", "word2vec", "--steps", "2", "--workers", "1", "--quiet", "--set", "dimension=8", "--data", text, "--out", Path.Combine(folder, "words"));
            Assert.True(trained.ExitCode == 0, trained.Error);
            MadeRuns.Write(folder, runs: 1, steps: 100);
            await using var server = await FolderPage.StartAsync(folder, port: 0);
            using var page = new PageClient(server.Address);

            var map = await page.GetAsync("/api/runs/words/words");
            var words = map["words"]!.AsArray().Select(word => (string?)word).ToList();
            Assert.Contains("w1", words);
            Assert.Equal((words.Count, words.Count), (map["x"]!.AsArray().Count, map["y"]!.AsArray().Count));
            var neighbours = (await page.GetAsync("/api/runs/words/words/w1/neighbours?count=3"))["neighbours"]!.AsArray();
            var nearest = await CommandLine.RunAsync("nearest", Path.Combine(folder, "words"), "w1", "--count", "3");
            Assert.Equal(nearest.Output.Split('\n')[1..4].Select(line => line.Split(' ')[^1]), neighbours.Select(neighbour => (string?)neighbour!["word"]));
            Assert.Equal(HttpStatusCode.NotFound, (await page.Http.GetAsync("/api/runs/words/words/zebra/neighbours")).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await page.Http.GetAsync("/api/runs/run-0000/words")).StatusCode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Correlation(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        return a.Zip(b, (one, other) => (one - meanA) * (other - meanB)).Sum() / Math.Sqrt(a.Sum(one => (one - meanA) * (one - meanA)) * b.Sum(one => (one - meanB) * (one - meanB)));
    }
}
