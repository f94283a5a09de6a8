namespace Granary.Training.Frames;

/// <summary>
/// A number as some floats of a frame, so that adding it up over shards loses nothing that counts: whole numbers below 2^48 stay exact,
/// where a single float would end at 2^24, and of others at most the eighth digit behind the point is rounded.
/// </summary>
public static class ExactSum
{
    // A digit has 12 bits: the sum over 4,096 shards of any of them is a whole number below 2^24, exact in a float.
    private const int DigitBits = 12;

    /// <summary>Digits of a number.</summary>
    public const int Digits = 4;

    /// <summary>Floats that a number takes: its digits to the base of 4,096, lowest first, and the fraction.</summary>
    public const int Slots = Digits + 1;

    /// <summary>What one of a digit is worth; the lowest digit is number 0.</summary>
    public static double Unit(int digit) => 1L << digit * DigitBits;

    /// <summary>Numbers that are not finite come back as not finite.</summary>
    public static void Write(double value, Span<float> slots)
    {
        var whole = Math.Truncate(value);
        slots[Digits] = (float)(value - whole);
        for (var digit = Digits - 1; digit >= 0; digit--)
        {
            var unit = Unit(digit);
            var count = Math.Truncate(whole / unit);
            slots[digit] = (float)count;
            whole -= count * unit;
        }
    }

    /// <summary>The number, or the sum of numbers, that these slots hold.</summary>
    public static double Read(ReadOnlySpan<float> slots)
    {
        double sum = slots[Digits];
        for (var digit = 0; digit < Digits; digit++)
        {
            sum += slots[digit] * Unit(digit);
        }
        return sum;
    }
}
