namespace Granary.Silo.Page;

/// <summary>The plane in which points of a space of many dimensions lie the furthest apart: their first two principal components.</summary>
internal static class PrincipalPlane
{
    private const int MostTurns = 200;
    private const double Still = 1e-7;

    /// <param name="points">Of one length.</param>
    /// <returns>Where each lies in the plane; the same for the same points.</returns>
    public static (double[] X, double[] Y) Of(IReadOnlyList<float[]> points)
    {
        if (points.Count == 0)
        {
            return ([], []);
        }
        var dimension = points[0].Length;
        var mean = new double[dimension];
        foreach (var point in points)
        {
            for (var i = 0; i < dimension; i++)
            {
                mean[i] += point[i] / (double)points.Count;
            }
        }
        double[][] centred = [.. points.Select(point => point.Select((value, i) => value - mean[i]).ToArray())];
        var first = Axis(centred, dimension);
        var x = Remove(centred, first);
        var second = Axis(centred, dimension);
        return (x, Remove(centred, second));
    }

    /// <summary>The direction of the greatest variance, by power iteration without the matrix of covariances.</summary>
    private static double[] Axis(double[][] points, int dimension)
    {
        // Neither random nor of equal parts, which could be at a right angle to it.
        var axis = Unit([.. Enumerable.Range(0, dimension).Select(i => 1.0 + (i % 7) + (i / (double)dimension))]);
        for (var turn = 0; turn < MostTurns; turn++)
        {
            var next = new double[dimension];
            foreach (var point in points)
            {
                Add(next, point, Dot(point, axis));
            }
            next = Unit(next);
            var turned = 1 - Math.Abs(Dot(next, axis));
            axis = next;
            if (turned < Still)
            {
                break;
            }
        }
        // A direction and its opposite are the same axis: so that a map does not flip from one checkpoint to the next.
        return axis.MaxBy(Math.Abs) < 0 ? [.. axis.Select(value => -value)] : axis;
    }

    /// <returns>How far the points lie along the axis; nothing of that is left in them.</returns>
    private static double[] Remove(double[][] points, double[] axis) => [.. points.Select(point =>
    {
        var along = Dot(point, axis);
        Add(point, axis, -along);
        return along;
    })];

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static void Add(double[] to, double[] what, double times)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] += times * what[i];
        }
    }

    private static double[] Unit(double[] vector)
    {
        var length = Math.Sqrt(Dot(vector, vector));
        return length > 0 ? [.. vector.Select(value => value / length)] : vector;
    }
}
